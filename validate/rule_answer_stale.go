package validate

import (
	"context"
	"fmt"
	"time"
)

// answerStale finds recursive resolvers that remember what the name servers do not say any more.
type answerStale struct{}

func (answerStale) Info() Info {
	return Info{
		ID:    "answer-stale",
		Title: "recursive resolvers still remember an older answer",
		Text: "A resolver keeps what it was told for the TTL, and \"no such name\" for the smaller of the SOA record's TTL and its " +
			"MINIMUM, from the moment it asked. Until then it does not ask again, whatever the zone says by now; lowering the " +
			"TTL of the new record changes nothing in that. A CA asks with an empty cache and is not kept by it. The answer comes " +
			"from the same zone: resolver-differs is about one that sees another.",
		Wrong:    "1.1.1.1 says NXDOMAIN, with 240 seconds left in the SOA record; every name server has the record",
		Right:    "1.1.1.1 gives the record, 240 seconds later",
		Fix:      "Nothing but to wait. Leave the record as it is: to delete it and create it again only begins anew.",
		Severity: Notice,
		Explains: []ID{"resolver-differs"},
		Refs:     []Ref{{"RFC 2308", "5"}, {"RFC 1035", "3.2.1"}, {"RFC 9520", "3.2"}},
	}
}

func (answerStale) Run(ctx context.Context, p *Pass) error {
	all, err := p.heard()
	if err != nil {
		return err
	}
	switch {
	case p.allHold():
		stale := where(all, func(x witness) bool {
			return x.wrong(p.Record) && !x.filtered() && !x.answer.Response.Authoritative && !p.ofAnotherZone(ctx, x)
		})
		if len(stale) == 0 {
			return p.usable(all)
		}
		p.reportStale(stale, fmt.Sprintf("every name server has the record, and %s", plural(len(stale), "a resolver still remembers", "some resolvers still remember"))+" an older answer")
	case p.noneHolds():
		stale := where(all, func(x witness) bool { return x.says(p.Record) == SaysRecord && !x.near() })
		if len(stale) == 0 {
			return p.usable(all)
		}
		p.reportStale(stale, fmt.Sprintf("%s the record, which no name server has any more", plural(len(stale), "a resolver still remembers", "some resolvers still remember")))
	default:
		return fmt.Errorf("%w: the name servers do not agree", ErrNotApplicable)
	}
	return nil
}

// reportStale lists who remembers what for how long.
func (p *Pass) reportStale(stale []witness, msg string) {
	confidence, longest := Certain, time.Duration(0)
	text := func(x witness) string {
		d, ok := x.left(p.Record)
		if !ok {
			confidence = Likely
			return fmt.Sprintf("%s (%s)", x.named(), x.says(p.Record))
		}
		longest = max(longest, d)
		return fmt.Sprintf("%s (%s, for another %s)", x.named(), x.says(p.Record), spanText(d))
	}
	msg += ": " + list(stale, text)
	fix := "wait, and leave the record as it is"
	if longest > 0 {
		fix = fmt.Sprintf("wait, at most %s, and leave the record as it is", spanText(longest))
	}
	if p.noneHolds() {
		fix = "do not go by what these resolvers say: a CA asks the name servers. " + p.create()
	}
	p.Report(Finding{Confidence: confidence, Message: msg, Fixes: []Fix{{Where: WhereNowhere, Message: fix}}}, heardFrom(stale)...)
}

// spanText gives a span of time in words, in whole units and never less than it is.
func spanText(d time.Duration) string {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", up(time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", up(time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", up(time.Hour))
	}
	return fmt.Sprintf("%d days", up(24*time.Hour))
}
