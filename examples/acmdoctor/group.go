package main

import "github.com/acmdoctor/acmdoctor/validate"

// group keeps the reports of one pending certificate until all of them are there: what it waits for shows only then. There
// are at most as many as a certificate has names.
type group struct {
	sources []validate.Source
	reports []validate.Report
}

// pendingARN is the certificate that a report is kept for; "" where it need not wait for others.
func pendingARN(r validate.Report) string {
	c := r.Record.Certificate
	if c.Status != "PENDING_VALIDATION" || len(c.Domains) < 2 {
		return ""
	}
	return c.ARN
}

// holds reports whether r belongs to the reports that are kept.
func (g *group) holds(r validate.Report) bool {
	return len(g.reports) > 0 && pendingARN(r) != "" && pendingARN(g.reports[0]) == pendingARN(r)
}

// waits reports whether others may follow that belong to these.
func (g *group) waits() bool { return len(g.reports) > 0 && pendingARN(g.reports[0]) != "" }

func (g *group) add(s validate.Source, r validate.Report) {
	g.sources, g.reports = append(g.sources, s), append(g.reports, r)
}

// take gives what is kept, each report with what only all of them tell, and keeps nothing.
func (g *group) take() ([]validate.Source, []validate.Report) {
	sources, reports := g.sources, g.reports
	g.sources, g.reports = nil, nil
	if len(reports) > 0 && pendingARN(reports[0]) != "" {
		reports = validate.Together(reports)
	}
	return sources, reports
}

// isChecked reports whether there is something to check: a record, or a certificate that has none, about which there is
// something to say all the same.
func isChecked(s validate.Source) bool { return s.Err == nil || !s.Record.Certificate.IsZero() }

// domainOf names a source in the line of progress.
func domainOf(s validate.Source) string {
	switch r := s.Record; {
	case !r.Name.IsZero():
		return r.Domain().Text()
	case len(r.Domains) > 0:
		return r.Domains[0].Text()
	}
	return s.Domain
}
