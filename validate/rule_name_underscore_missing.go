package validate

import (
	"context"
	"fmt"
	"strings"
)

// nameUnderscoreMissing finds the record at the name without its underscore.
type nameUnderscoreMissing struct{}

func (nameUnderscoreMissing) Info() Info {
	return Info{
		ID:    "name-underscore-missing",
		Title: "the record's name lacks its underscore",
		Text: "Some consoles allow host names only and drop the underscore, or people leave it out. Any label is legal in the DNS, " +
			"and ACM asks for the name with its underscore. (In the value ACM does without.)",
		Wrong: "a79.example.com. CNAME _424.acm-validations.aws.",
		Right: "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix: "Create the record with its underscore. If the console refuses it, use the provider's API or its support, or host " +
			"the zone elsewhere.",
		Severity: Error,
		Input:    true,
		Explains: []ID{"record-missing", "input-invalid"},
		Refs:     []Ref{refTroubleshoot, {"RFC 2181", "11"}, {"RFC 8552", "1.1"}},
		Probe:    true,
	}
}

func (nameUnderscoreMissing) Run(ctx context.Context, p *Pass) error {
	if p.Record.Problem() != nil {
		return p.underscoreInInput()
	}
	return p.reportNear(ctx, nearUnderscored, func(h nearHit) string {
		return fmt.Sprintf("the record is at %s: %s", h.Name, h.Why)
	})
}

// underscoreInInput is the variant where the name was already given without its underscore.
func (p *Pass) underscoreInInput() error {
	restored, ok := p.Record.Name.Parent().Child("_" + p.Record.Token())
	if !ok || p.Record.Token()[0] == '_' {
		return ErrNotApplicable
	}
	if !strings.ContainsAny(p.Record.Token(), "0123456789") {
		return ErrNotApplicable // a word, such as the domain itself in place of the record's name: no token of ACM's is one
	}
	if (Record{Name: restored, Value: p.Record.Value}).Problem() != nil {
		return ErrNotApplicable
	}
	p.Report(Finding{
		Confidence: Certain,
		Message:    fmt.Sprintf("the name that was given, %s, lacks the underscore in front; ACM's is %s", p.Record.Name, restored),
		Evidence:   []Evidence{{Text: "given: " + p.Record.Name.String()}},
		Fixes:      []Fix{{Where: WhereInput, Message: "copy the name again, with its underscore, and create the record with it: " + restored.String()}},
	})
	return nil
}
