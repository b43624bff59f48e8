package providers

import (
	"context"
	"fmt"
	"strings"

	"github.com/acmdoctor/acmdoctor/validate"
)

// zonePrivate finds the record in a zone that is answered inside private networks only.
var zonePrivate = providerRule{
	info: validate.Info{
		ID:    "zone-private",
		Title: "the record is in a private zone",
		Text: "A private hosted zone is answered inside its networks only, so the record is seen from there and from nowhere else, which " +
			"makes it look right. A CA asks the public DNS. A public and a private zone of one name are common (split view).",
		Wrong:    "private zone example.com.: _a79.example.com. CNAME _424.acm-validations.aws.",
		Right:    "public zone example.com.: _a79.example.com. CNAME _424.acm-validations.aws.",
		Fix:      "Create the record in the public zone of that name. The copy in the private zone may stay.",
		Severity: validate.Error,
		Explains: []validate.ID{"record-missing", "value-mismatch", "resolver-differs"},
		Refs: []validate.Ref{
			{Source: "AWS re:Post", Section: "Why is the CNAME record not resolving for my ACM issued certificate"},
			{Source: "Amazon Route 53 Developer Guide", Section: "Working with private hosted zones"},
		},
		Probe: true,
	},
	before: []validate.ID{"cname-and-other-data", "record-missing"},
	find: func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		if len(f.holding(zone, asked, unsaid)) > 0 {
			return nil
		}
		for _, z := range f.Zones {
			s := f.right(z)
			if !z.Private || s == nil {
				continue
			}
			where := ""
			if len(z.Networks) > 0 {
				where = ", which is answered in " + printable(strings.Join(z.Networks, ", ")) + " only"
			}
			return &validate.Finding{
				Confidence: validate.Certain,
				Message:    fmt.Sprintf("the record is in the private zone %s%s; a CA asks the public DNS, where it is not", z.called(), where),
				Evidence:   f.holds(z, *s), Fixes: []validate.Fix{p.Mend(ctx)},
			}
		}
		return nil
	},
}
