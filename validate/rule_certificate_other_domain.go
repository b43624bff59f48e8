package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// certificateOtherDomain finds that it is not this record that the certificate waits for. One check knows of the other
// domains what ACM says; [Together] knows what their own checks found.
type certificateOtherDomain struct{}

func (certificateOtherDomain) Info() Info {
	return Info{
		ID:    "certificate-other-domain",
		Title: "this record is right; the certificate waits for another domain's",
		Text: "ACM issues a certificate when every name on it is proven, and not before. This one is; another one is not. Often " +
			"only the first name's record was created, or a subdomain's, which lies in another zone, was forgotten.",
		Wrong:       "example.com SUCCESS, www.example.com PENDING_VALIDATION",
		Right:       "every domain SUCCESS",
		Fix:         "Create the records of the other domains, one for each distinct name: a wildcard and its base share one.",
		Severity:    Error,
		Certificate: true,
		Refs:        []Ref{refValidation, refAPI},
	}
}

func (certificateOtherDomain) Run(ctx context.Context, p *Pass) error {
	r, c := p.Record, p.Record.Certificate
	others := r.othersOf(c.Domains)
	if c.Status != statusPending || len(others) == 0 {
		return ErrNotApplicable
	}
	found := slices.ContainsFunc(c.Domains, func(d DomainValidation) bool { return r.proves(d) && d.Status == statusSuccess })
	missing := slices.DeleteFunc(others, func(d DomainValidation) bool { return d.Status == statusSuccess })
	refused := slices.ContainsFunc(missing, func(d DomainValidation) bool { return d.Status == statusFailed })
	if v, _ := p.verdict(ctx); len(missing) == 0 || v != Valid || !found && !refused {
		return nil
	}
	f := otherDomains(missing)
	f.Confidence = Likely // ACM may not have looked there since it was mended
	if refused {
		f.Confidence = Certain
	}
	p.Report(f)
	return nil
}

// otherDomains is the finding about the domains that a certificate still waits for.
func otherDomains(missing []DomainValidation) Finding {
	f := Finding{Message: "this record is right; the certificate waits for " + domainsText(missing)}
	for _, d := range missing {
		if d.Name.IsZero() {
			f.Message += "; ACM has not issued the record of " + shownDomain(d.Domain) + " yet"
		}
	}
	fix := "check the other records, and create those that are missing:\n" + recordLines(missing)
	f.Fixes = []Fix{{Where: WhereZone, Message: strings.TrimSuffix(fix, "\n")}}
	return f
}

// othersOf leaves out the domains that r proves.
func (r Record) othersOf(domains []DomainValidation) []DomainValidation {
	return slices.DeleteFunc(slices.Clone(domains), r.proves)
}

// recordLines shows the records of domains, each once, as lines that are laid out.
func recordLines(domains []DomainValidation) string {
	const most = 20
	var b strings.Builder
	var seen []DomainValidation
	for _, d := range domains {
		if d.Name.IsZero() || slices.ContainsFunc(seen, func(s DomainValidation) bool { return s.Name == d.Name && s.Value == d.Value }) {
			continue
		}
		seen = append(seen, d)
		if len(seen) <= most {
			fmt.Fprintf(&b, "  %s CNAME\n    %s\n", d.Name, d.Value)
		}
	}
	if n := len(seen) - most; n > 0 {
		fmt.Fprintf(&b, "  and %d more\n", n)
	}
	return b.String()
}
