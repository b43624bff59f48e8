package validate

import (
	"context"
	"fmt"
)

// resolverDiffers finds recursive resolvers that see something else than the public does, and not because they remember it.
type resolverDiffers struct{}

func (resolverDiffers) Info() Info {
	return Info{
		ID:    "resolver-differs",
		Title: "a recursive resolver shows something that the public does not see",
		Text: "The resolver of an office network, a VPN or a cloud's private network may answer from a zone of its own: a private " +
			"hosted zone of Route 53, or the inner half of a split horizon. dig then shows the record, and no CA sees it; or the " +
			"other way round. Other resolvers filter names, or hold a zone for bogus that is not, with old trust anchors or a " +
			"wrong clock. What such a resolver says is no evidence for or against the record.",
		Wrong:    "dig _a79.example.com. CNAME shows the record here; the zone's name servers say NXDOMAIN",
		Right:    "the name servers to which the public delegation leads have the record",
		Fix:      "Ask a public resolver, or the name servers themselves. Create the record in the public zone of that name; the private copy may stay.",
		Severity: Notice,
		Refs:     []Ref{{"RFC 8499", "6 (split DNS)"}, {"RFC 8914", "4"}, {"Route 53 Developer Guide", "Working with private hosted zones"}},
	}
}

func (resolverDiffers) Run(ctx context.Context, p *Pass) error {
	all, err := p.heard()
	if err != nil {
		return err
	}
	if len(p.answered()) == 0 {
		return fmt.Errorf("%w: no name server gave an answer to compare with", ErrNotApplicable)
	}
	found := false
	report := func(ws []witness, c Confidence, fix string, format string, args ...any) {
		if len(ws) == 0 {
			return
		}
		found = true
		p.Report(Finding{
			Confidence: c, Message: list(ws, witness.named) + " " + fmt.Sprintf(format, args...),
			Fixes: []Fix{{Where: WhereNowhere, Message: fix}},
		}, heardFrom(ws)...)
	}
	if p.noneHolds() {
		inner := where(all, func(x witness) bool { return x.says(p.Record) == SaysRecord && x.near() })
		confidence := Possible
		if len(where(inner, func(x witness) bool { return x.answer.Response.Authoritative })) == len(inner) {
			confidence = Likely
		}
		report(inner, confidence,
			"create the record in the public zone as well; what a private zone holds does not count for a CA, and may stay",
			"%s the record, and no name server that the public is sent to has it. The usual reason is a private zone of that name "+
				"(zone-private), or the inner half of a split horizon", plural(len(inner), "shows", "show"))
	}
	if p.allHold() {
		inner := where(all, func(x witness) bool {
			return x.wrong(p.Record) && !x.filtered() && (x.answer.Response.Authoritative || p.ofAnotherZone(ctx, x))
		})
		report(inner, Likely, "nothing: a CA asks the public name servers",
			"%s from another zone than the public one, and so %s not show the record, which every public name server has: a private "+
				"zone of that name, or the inner half of a split horizon", plural(len(inner), "answers", "answer"), plural(len(inner), "does", "do"))
		doubting := where(all, func(x witness) bool { return x.says(p.Record) == SaysBogus })
		report(doubting, Possible, "if the zone's signatures are right: bring that resolver's trust anchors up to date, and set its clock",
			"%s that the zone's signatures are wrong, and with validation off %s. Where no other finding speaks of DNSSEC, the fault is "+
				"that resolver's: its trust anchors or its clock", plural(len(doubting), "holds", "hold"), plural(len(doubting), "it answers", "they answer"))
	}
	blocked := where(all, func(x witness) bool { return x.filtered() && x.says(p.Record) != SaysRecord })
	report(blocked, Certain, "nothing: a CA does not ask there",
		"%s by %s own account: what %s is not what the name servers say", plural(len(blocked), "filters", "filter"),
		plural(len(blocked), "its", "their"), plural(len(blocked), "it says", "they say"))
	if !found {
		return p.usable(all)
	}
	return nil
}
