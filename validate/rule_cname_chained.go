package validate

import (
	"context"
	"fmt"
)

// cnameChained finds that the name leads to the value through another name.
type cnameChained struct{}

func (cnameChained) Info() Info {
	return Info{
		ID:    "cname-chained",
		Title: "the name leads to the value through another name",
		Text: "The CNAME points to a name that is itself a CNAME to the value. A CA may use the name that a CNAME look-up returns; " +
			"whether ACM follows more than one is not documented, so this is neither called valid nor invalid.",
		Wrong:    "_a79.example.com. CNAME _a79.dcv.example.net.\n_a79.dcv.example.net. CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Point the record at the value itself.",
		Severity: Warning,
		Explains: []ID{},
		Refs:     []Ref{{"CA/Browser Forum Baseline Requirements", "1.6.1, Authorization Domain Name"}, {"RFC 1034", "3.6.2"}},
	}
}

func (cnameChained) Run(ctx context.Context, p *Pass) error {
	end, err := p.chained(ctx)
	if err != nil || !end.Reaches {
		return err
	}
	p.Report(Finding{
		Confidence: Certain,
		Message: fmt.Sprintf("%s leads to the right value through %s; whether ACM follows that is not documented",
			p.Record.Name, list(end.Through, nameText)),
		Fixes: []Fix{p.unlessRenamed(Fix{
			Where: WhereZone, Changes: []Change{p.put(p.differing()...)},
			Message: p.correct(),
		})},
	}, append(answersOf(p.with(Differs)), end.Saw...)...)
	return nil
}
