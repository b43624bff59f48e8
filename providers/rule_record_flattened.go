package providers

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// recordFlattened is the provider's side of the rule of that name: the record stands there right, and is not answered as it stands.
var recordFlattened = providerRule{
	info: validate.Info{
		ID:    "record-flattened",
		Title: "the provider holds the record and answers something else",
		Text: "At the provider it is seen for certain: the record is proxied, flattened or switched off, although its name and value are " +
			"right.",
		Wrong:    "_a79.example.com. CNAME _424.acm-validations.aws. (proxied)",
		Right:    "_a79.example.com. CNAME _424.acm-validations.aws. (DNS only)",
		Fix:      "Switch proxying, flattening or the switch that disables it off for this record.",
		Severity: validate.Error,
		Explains: []validate.ID{"record-missing", "record-wrong-type"},
		Refs:     []validate.Ref{{Source: "Cloudflare documentation", Section: "CNAME flattening; Proxy status"}},
		Probe:    true,
	},
	before: []validate.ID{"record-wrong-type", "record-missing"},
	find: func(_ context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		for _, z := range f.holding(zone, asked, unsaid) {
			s := f.right(z)
			what, off := "", ""
			switch s.Hidden {
			case Proxied:
				what, off = "is proxied, so that addresses of the provider are answered in its place", "set the record to DNS only (no proxy)"
			case Flattened:
				what, off = "is flattened, so that what its target resolves to is answered in its place, or nothing",
					"turn flattening off for the record; where the whole zone is flattened, set that back to the apex only"
			case Disabled:
				what, off = "is switched off", "enable the record"
			default:
				continue
			}
			return &validate.Finding{
				Confidence: validate.Certain,
				Message:    fmt.Sprintf("the record stands at %s in zone %s and %s", printable(f.Provider), z.called(), what),
				Evidence:   f.holds(z, *s),
				Fixes: []validate.Fix{{Where: validate.WhereZone, Message: "at " + printable(f.Provider) + ", " + off, Changes: []validate.Change{
					{Name: p.Record.Name, Type: resolver.TypeCNAME, TTL: s.TTL, To: []string{p.Record.Value.String()}},
				}}},
			}
		}
		return nil
	},
}
