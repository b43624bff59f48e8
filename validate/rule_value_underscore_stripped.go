package validate

import "context"

// valueUnderscoreStripped notes that the value stands without its underscore, which is valid.
type valueUnderscoreStripped struct{}

func (valueUnderscoreStripped) Info() Info {
	return Info{
		ID:    "value-underscore-stripped",
		Title: "the value stands without its leading underscore, which ACM accepts",
		Text: "Some providers refuse an underscore in a target. ACM accepts the value with and without it. The name must keep its " +
			"underscore.",
		Wrong:    "a79.example.com. CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME 424.acm-validations.aws.",
		Fix:      "Nothing to do.",
		Severity: Notice,
		Refs:     []Ref{refTroubleshoot},
	}
}

func (valueUnderscoreStripped) Run(_ context.Context, p *Pass) error {
	for _, v := range p.with(Holds) {
		if v.CNAMEs()[0] != p.Record.Value {
			p.Report(Finding{
				Confidence: Certain,
				Message:    "the value stands without its leading underscore: " + v.CNAMEs()[0].String() + "; ACM accepts that",
				Fixes:      []Fix{{Where: WhereNowhere, Message: "leave it as it is"}},
			}, v.Answer)
			return nil
		}
	}
	return nil
}
