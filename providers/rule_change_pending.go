package providers

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/validate"
)

// changePending finds that the provider holds the record where the world asks, and its servers do not answer with it yet.
var changePending = providerRule{
	info: validate.Info{
		ID:    "change-pending",
		Title: "the provider has the record, its servers do not yet",
		Text: "A change takes from seconds to minutes to reach all of a provider's servers. Where it is there to stay, the zone is " +
			"disabled at the provider, or is not the one that its servers answer from.",
		Wrong:    "at the provider: _a79.example.com. CNAME _424.acm-validations.aws.\nits servers: no such name",
		Right:    "both give the record",
		Fix:      "Wait a minute and check again. After half an hour it is something else: ask the provider.",
		Severity: validate.Error,
		Explains: []validate.ID{"record-missing", "value-mismatch", "servers-disagree"},
		Refs:     []validate.Ref{{Source: "Amazon Route 53 API Reference", Section: "GetChange"}},
		Probe:    true,
	},
	before: []validate.ID{"servers-disagree", "record-missing"},
	find: func(_ context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		for _, z := range f.holding(zone, asked, unsaid) {
			s := f.right(z)
			if s.Hidden != Shown || len(z.At) > 1 {
				continue
			}
			confidence := validate.Likely
			if z.standing(zone) == unsaid {
				confidence = validate.Possible
			}
			return &validate.Finding{
				Confidence: confidence,
				Message:    fmt.Sprintf("%s holds the record in zone %s, and its servers do not all answer with it yet", printable(f.Provider), z.called()),
				Evidence:   f.holds(z, *s),
				Fixes:      []validate.Fix{{Where: validate.WhereNowhere, Message: "wait a minute, and check again"}},
			}
		}
		return nil
	},
}
