package providers

import (
	"context"
	"fmt"

	"github.com/acmdoctor/acmdoctor/validate"
)

// delegationMismatch is the provider's side of the rule of that name: its only zone is not the one the delegation leads to.
var delegationMismatch = providerRule{
	info: validate.Info{
		ID: "delegation-mismatch",
		Text: "The provider's account shows a further form: the one zone it has of this name holds the record, and is answered from " +
			"servers that the parent does not name.",
		Refs: []validate.Ref{{Source: "Amazon Route 53 API Reference", Section: "GetHostedZone, DelegationSet"}},
	},
	find: func(ctx context.Context, p *validate.Pass, f Facts, zone validate.Zone) *validate.Finding {
		for _, z := range f.Zones {
			if s := z.standing(zone); s == asked || s == unsaid {
				return nil
			}
		}
		for _, z := range f.holding(zone, notAsked) {
			if z.Status != "" {
				continue // zone-elsewhere
			}
			return &validate.Finding{
				Confidence: validate.Certain,
				Message: fmt.Sprintf("the record is in the zone %s at %s, and the world is sent to %s, which do not have it",
					z.called(), printable(f.Provider), nameList(zone.NameServers)),
				Evidence: f.holds(z, *f.right(z)),
				Fixes: []validate.Fix{
					p.Mend(ctx),
					{Where: validate.WhereRegistrar, Message: fmt.Sprintf("at the registrar of %s, enter the name servers of the zone that holds the "+
						"record, all of them (%s), in place of %s; first see that nothing else (mail, web site) lives only in the zone that is delegated "+
						"now, and if the parent holds DS records for the zone, remove or replace these before",
						zone.Name, nameList(z.NameServers), nameList(zone.NameServers))},
				},
			}
		}
		return nil
	},
}
