package providers

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/validate"
)

// recordMisplaced is the provider's side of the rule of that name: the record is in a zone above or below the one that is asked.
var recordMisplaced = providerRule{
	info: validate.Info{
		ID: "record-misplaced",
		Text: "The provider's account shows two further forms: the record is in a zone above, which delegates the one that is asked, so " +
			"that its own servers refer to that one and never show what stands below the cut; or it is in a zone further down that " +
			"nothing delegates.",
		Refs: []validate.Ref{{Source: "RFC 1034", Section: "4.3.2, step 3b"}},
	},
	find: func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		if len(f.holding(zone, asked, unsaid)) > 0 {
			return nil
		}
		for _, z := range f.Zones {
			s := f.right(z)
			if z.Private || s == nil {
				continue
			}
			finding := &validate.Finding{Confidence: validate.Certain, Evidence: f.holds(z, *s), Fixes: []validate.Fix{p.Mend(ctx)}}
			switch {
			case zone.Name.Below(z.Apex):
				finding.Message = fmt.Sprintf("the record is in the zone %s, and the world asks the zone %s below it for this name", z.called(), zone.Name)
				finding.Fixes = append(finding.Fixes, validate.Fix{Where: validate.WhereParent, Message: fmt.Sprintf(
					"if the delegation of %s is a left-over, take its NS records out of the zone above", zone.Name)})
			case z.Apex.Below(zone.Name):
				finding.Message = fmt.Sprintf("the record is in the zone %s, which %s does not delegate, so nobody asks it", z.called(), zone.Name)
				finding.Fixes = append(finding.Fixes, validate.Fix{Where: validate.WhereParent, Message: fmt.Sprintf(
					"if %s is to be a zone of its own, delegate it: in %s, create its NS records (%s)", z.Apex, zone.Name, nameList(z.NameServers))})
			default:
				continue
			}
			return finding
		}
		return nil
	},
}
