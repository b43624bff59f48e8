package validate

import (
	"context"
	"fmt"
)

// nameDoubled finds the record where a console puts it that appends the zone to a full name.
type nameDoubled struct{}

func (nameDoubled) Info() Info {
	return Info{
		ID:    "name-doubled",
		Title: "the zone's name is in the record's name twice",
		Text: "Most consoles append the zone to what is typed as the name. A full name pasted there ends up one zone too deep, " +
			"where no CA looks. The zone, the domain or one label of it can be doubled, once or twice.",
		Wrong:    "_a79.example.com.example.com. CNAME _424.acm-validations.aws.",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Make the name _a79 alone: the console adds the rest.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{{"RFC 1035", "5.1"}, refAPI, refTroubleshoot, refArticle},
		Probe:    true,
	}
}

func (nameDoubled) Run(ctx context.Context, p *Pass) error {
	return p.reportNear(ctx, nearDoubled, func(h nearHit) string {
		msg := fmt.Sprintf("the record is at %s: %s", h.Name, h.Why)
		if suffix, ok := doubledValue(p.Record, p.facts.zone, h.Target); ok {
			msg += fmt.Sprintf("; and its value has %s appended, too", suffix)
		}
		if by := p.servedBy(); by.Appends() {
			msg += fmt.Sprintf("; %s appends %s to what is typed as a name, and a full name was typed", by.Name, p.facts.zone)
		}
		return msg
	})
}
