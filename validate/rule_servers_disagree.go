package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// serversDisagree finds that the zone's servers answer differently.
type serversDisagree struct{}

func (serversDisagree) Info() Info {
	return Info{
		ID:    "servers-disagree",
		Title: "the zone's name servers give different answers",
		Text: "Some servers have the record and others do not, or they have different values. A CA asks whichever it likes, from " +
			"several places, so all must have it. Where every copy without the record has an older serial in its SOA record, " +
			"these lag behind, and the refresh time says for how long at most; equal serials, or servers of two providers, are " +
			"two zones that are kept apart, and no waiting helps. Serials are compared in the order that goes round. At some " +
			"providers they never change, so that they alone prove nothing.",
		Wrong:    "ns1 answers with the record, ns2 with NXDOMAIN",
		Right:    "every name server answers with the record",
		Fix:      "Bring the lagging server up to date, or create the record at the other provider too, or take that provider out of the delegation.",
		Severity: Error,
		Explains: []ID{"answer-stale", "resolver-differs"},
		Refs:     []Ref{{"RFC 1034", "4.3.5"}, {"RFC 1982", "3"}, {"RFC 1996", "1"}},
	}
}

func (serversDisagree) Run(ctx context.Context, p *Pass) error {
	answered := p.answered()
	if p.aboveDomain() || len(answered) < 2 {
		return ErrNotApplicable
	}
	said := func(v ServerView) string {
		return strings.Join(texts(v.CNAMEs()), " ")
	}
	if !slices.ContainsFunc(answered, func(v ServerView) bool { return said(v) != said(answered[0]) }) {
		return nil
	}
	if len(p.with(Holds)) == len(answered) {
		return nil // with and without the underscore
	}
	above := slices.DeleteFunc(slices.Clone(answered), func(v ServerView) bool { return v.Above.IsZero() })
	own := slices.DeleteFunc(slices.Clone(answered), func(v ServerView) bool { return !v.Above.IsZero() })
	if len(above) > 0 && !slices.ContainsFunc(own, func(v ServerView) bool { return v.Standing != Holds }) {
		p.Report(Finding{
			Confidence: Certain,
			Message: fmt.Sprintf("the name servers of %s do not agree whether %s is a zone of its own: %s by itself in place of referring to it",
				above[0].Above, p.facts.zone, list(above, viewText)+plural(len(above), " answers", " answer")),
			Fixes: []Fix{{Where: WhereServers, Message: fmt.Sprintf("see why the copy of %s (or a left-over copy of %s) at %s differs from that of the other servers, and bring it up to date",
				above[0].Above, p.facts.zone, list(above, viewText))}},
		}, append(answersOf(above), p.facts.cut.Referrals...)...)
		return nil
	}
	// Where all give the value or lead to it, what they say may be as good as the same.
	severity := Error
	if len(p.with(Holds, Differs)) == len(answered) {
		if end, err := p.chained(ctx); err != nil || end.Reaches {
			severity = Warning
		}
	}
	copies, soas, err := p.copies(ctx)
	if err != nil {
		return err
	}
	msg := fmt.Sprintf("the name servers of %s do not give the same answer for %s", p.facts.zone, p.Record.Name)
	for _, s := range []struct {
		standing Standing
		text     string
	}{{Holds, "right"}, {Differs, "another value"}, {Several, "several values"}, {Denies, "not there"}} {
		if v, _ := partition(copies, func(c zoneCopy) bool { return c.Standing == s.standing }); len(v) > 0 {
			msg += fmt.Sprintf("; %s at %s", s.text, list(v, copyText))
		}
	}
	fix := fmt.Sprintf("if %s is kept in two places, create the record in each, or take one of them out of the delegation: %s", p.facts.zone, p.create())
	switch whyCopiesDiffer(partition(copies, holds)) {
	case lagsBehind:
		msg += "; the older serial is a copy that lags behind"
		fix = fmt.Sprintf("wait for the next zone transfer, at most the SOA's refresh time of %s; or see why it does not work (NOTIFY, TSIG, a firewall)", p.lag(ctx)) +
			". Or, " + fix
	case takenOut:
		msg += "; the newer serial does not have it, so the record was taken out again, or these are zones that are kept apart"
	case twoZones:
		msg += "; so these are zones that are kept apart, and no waiting makes them the same"
	case serialsOnly:
		msg += "; their serials differ, so a copy lags behind or is kept apart"
		fix = "see whether zone transfers between the servers work (NOTIFY, TSIG, a firewall), and whether the serial was raised. Or, " + fix
	}
	p.Report(Finding{
		Severity: severity, Confidence: Certain, Message: msg,
		Fixes: []Fix{{Where: WhereZone, Message: fix, Changes: []Change{p.put(p.replaced()...)}}},
	}, append(answersOf(answered), soas...)...)
	return nil
}
