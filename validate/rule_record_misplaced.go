package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// recordMisplaced finds the record in a zone above the one that is asked: one that is delegated apart from it, or the one
// that delegates it, where a server of that answers in place of referring on. A record that every server of the zone above
// hides behind its referral can only be seen in the provider's account.
type recordMisplaced struct{}

func (recordMisplaced) Info() Info {
	return Info{
		ID:    "record-misplaced",
		Title: "the record is in a zone that is not asked for this name",
		Text: "Two delegations overlap: the parent delegates a zone and, below it, a deeper one. The deeper cut wins, so the " +
			"record in the shallower zone is never asked for. Its own servers answer for it all the same, which is how dig " +
			"at those servers misleads. Or the record was left in the zone that delegates the name's own: servers refer on " +
			"and hide it, and only where one of them has no delegation in its copy does it show.",
		Wrong:    "example. delegates ef.example. and dev.ef.example.; the record is in the zone ef.example.",
		Right:    "the record is in the zone dev.ef.example.",
		Fix:      "Create the record in the zone that is asked, or take the deeper delegation away if it is a left-over.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{{"RFC 1034", "4.3.2, step 3b"}, {"RFC 1034", "4.2.1"}},
		Probe:    true,
	}
}

func (recordMisplaced) Run(ctx context.Context, p *Pass) error {
	if p.aboveDomain() {
		return ErrNotApplicable
	}
	if zone, held := p.leftAbove(); len(held) > 0 {
		gone, words := p.inTheWay(ctx)
		p.Report(Finding{
			Confidence: Certain,
			Message: fmt.Sprintf("the record is in the zone %s at %s, and the others of its servers send the world on to the zone %s, which does not have it",
				zone, list(held, func(a resolver.Answer) string { return serverText(a.Server) }), p.facts.zone),
			Fixes: []Fix{{Where: WhereZone, Message: p.create(words), Changes: append(gone, p.put())}},
		}, append(held, p.facts.cut.Referrals...)...)
		return nil
	}
	zone, held, err := p.ahead(ctx)
	if len(held) == 0 {
		return err
	}
	gone, words := p.inTheWay(ctx)
	p.Report(Finding{
		Confidence: Certain,
		Message: fmt.Sprintf("the record is in the zone %s, and the world asks the zone %s, which %s delegates apart from it",
			zone, p.facts.zone, p.facts.cut.Parent),
		Fixes: []Fix{
			{Where: WhereZone, Message: p.create(words), Changes: append(gone, p.put())},
			{Where: WhereParent, Message: fmt.Sprintf("if the delegation of %s is a left-over, take its NS records out of %s", p.facts.zone, p.facts.cut.Parent)},
		},
	}, held...)
	return nil
}

// leftAbove gives the answers of servers of the zone that delegates the record's own that hold the record themselves, and
// that zone.
func (p *Pass) leftAbove() (zone resolver.Name, held []resolver.Answer) {
	for _, a := range p.facts.cut.Others {
		if p.holds(a) {
			held = append(held, a)
		}
	}
	return p.facts.cut.Parent, held
}
