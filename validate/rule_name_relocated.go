package validate

import (
	"context"
	"fmt"
)

// nameRelocated finds the record's token at another place of the zone.
type nameRelocated struct{}

func (nameRelocated) Info() Info {
	return Info{
		ID:    "name-relocated",
		Title: "the record is in the right zone at the wrong place",
		Text: "A token belongs to one domain. Found with its value at another name (under www, at the apex, below a literal " +
			"asterisk), it was entered with too many or too few labels.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validations.aws., for the domain www.example.com",
		Right:    "_a79.www.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Move the record to the name that ACM asks for.",
		Severity: Error,
		Explains: []ID{"record-missing"},
		Refs:     []Ref{refValidation, refAPI},
		Probe:    true,
	}
}

func (nameRelocated) Run(ctx context.Context, p *Pass) error {
	return p.reportNear(ctx, nearRelocated, func(h nearHit) string {
		return fmt.Sprintf("the record is at %s, where ACM does not look: %s", h.Name, h.Why)
	})
}
