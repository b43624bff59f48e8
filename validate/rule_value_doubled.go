package validate

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// valueDoubled finds that the provider appended the zone to the target.
type valueDoubled struct{}

func (valueDoubled) Info() Info {
	return Info{
		ID:    "value-doubled",
		Title: "the zone's name was appended to the value",
		Text: "In zone files, and in the forms of providers that keep their rule, a target without a final dot is relative to the " +
			"zone. The value then ends in the zone's name, and ACM does not find its own.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validations.aws.example.com.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Type the value with a final dot; where the form refuses the dot, without.",
		Severity: Error,
		Explains: []ID{"value-mismatch"},
		Refs:     []Ref{{"RFC 1035", "5.1"}, refTroubleshoot},
	}
}

func (valueDoubled) Run(ctx context.Context, p *Pass) error {
	for _, target := range p.differing() {
		suffix, ok := doubledValue(p.Record, p.facts.zone, target)
		if !ok {
			if _, suffix, ok = appendedTo(p.Record, p.facts.zone, target); !ok {
				continue
			}
			if end, err := p.chained(ctx); err != nil || end.Reaches {
				return err // a name in the zone may lead to the value
			}
		}
		p.Report(Finding{
			Confidence: Certain,
			Message:    fmt.Sprintf("the value has %s appended: %s", suffix, target),
			Fixes: []Fix{{
				Where: WhereZone, Changes: []Change{p.put(target)},
				Message: p.correct(),
			}},
		}, answersOf(p.giving(target))...)
		return nil
	}
	if len(p.with(Denies)) == 0 || len(p.with(Denies)) < len(p.answered()) || p.aboveDomain() {
		return nil
	}
	// Both slips at once: the record is at a wrong name, with a wrong value. The move mends both.
	hits, err := p.nearHits(ctx)
	for _, h := range hits {
		if suffix, ok := doubledValue(p.Record, p.facts.zone, h.Target); ok && h.Kind != nearSwapped {
			p.Report(Finding{
				Confidence: Certain,
				Message:    fmt.Sprintf("the record that stands at %s has %s appended to its value: %s", h.Name, suffix, h.Target),
				Fixes:      []Fix{p.move(ctx, h)},
			}, h.Answer)
		}
	}
	return err
}

// giving gives the views whose one CNAME is target.
func (p *Pass) giving(target resolver.Name) []ServerView {
	var out []ServerView
	for _, v := range p.with(Holds, Differs) {
		if v.CNAMEs()[0] == target {
			out = append(out, v)
		}
	}
	return out
}
