package providers

import (
	"context"
	"fmt"
	"slices"

	"github.com/acmdoctor/acmdoctor/validate"
)

// zoneElsewhere finds the record in a zone of the right name that is not the one the world asks.
var zoneElsewhere = providerRule{
	info: validate.Info{
		ID:    "zone-elsewhere",
		Title: "there are several zones of that name, and the record is in the wrong one",
		Text: "A provider lets an account have more than one zone of a name, and one only is delegated: the others can be edited and are " +
			"never asked. The same goes for a zone that the provider does not answer for yet (pending), or no longer (moved), or for which " +
			"it is not the authoritative one (partial).",
		Wrong:    "zone example.com. (Z2), which is not delegated: _a79.example.com. CNAME _424.acm-validations.aws.",
		Right:    "zone example.com. (Z1), which is: _a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record in the zone that is delegated. Whether the other zone is still needed is for its owner to say.",
		Severity: validate.Error,
		Explains: []validate.ID{"record-missing", "value-mismatch", "delegation-mismatch"},
		Refs:     []validate.Ref{{Source: "RFC 1034", Section: "4.2.1"}, {Source: "Amazon Route 53 API Reference", Section: "ListHostedZonesByName"}},
		Probe:    true,
	},
	before: []validate.ID{"cname-and-other-data", "record-missing"},
	find: func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		if len(f.holding(zone, asked, unsaid)) > 0 {
			return nil
		}
		live := slices.IndexFunc(f.Zones, func(z ZoneFacts) bool { return z.standing(zone) == asked })
		for _, z := range f.holding(zone, notAsked) {
			why := ""
			switch z.Status {
			case ZonePending:
				why = "it is not yet delegated to " + printable(f.Provider)
			case ZoneMoved:
				why = "it is no longer delegated to " + printable(f.Provider)
			case ZonePartial:
				why = "its authoritative servers are elsewhere"
			default:
				if live < 0 {
					continue // delegation-mismatch
				}
				why = "the world is sent to " + f.Zones[live].called()
			}
			return &validate.Finding{
				Confidence: validate.Certain,
				Message:    fmt.Sprintf("the record is in the zone %s, which nobody asks: %s", z.called(), why),
				Evidence:   f.holds(z, *f.right(z)), Fixes: []validate.Fix{p.Mend(ctx)},
			}
		}
		return nil
	},
}
