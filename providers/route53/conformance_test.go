package route53_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/awsfake"
	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/providers/route53"
)

var (
	_ providers.Client       = (*route53.Client)(nil)
	_ providers.ZoneFinder   = (*route53.Client)(nil)
	_ providers.ZoneGetter   = (*route53.Client)(nil)
	_ providers.ZoneSearcher = (*route53.Client)(nil)
	_ providers.Settler      = (*route53.Client)(nil)
	_ providers.Limiter      = (*route53.Client)(nil)
)

// The account has a private zone of the same name, which comes first in every list, and the zone is filled behind the Client's back.
func TestClient(t *testing.T) {
	var ends []func()
	defer func() {
		for _, end := range ends {
			end()
		}
	}()
	require.NoError(t, providertest.TestClient(func() providertest.Subject {
		f := &awsfake.Route53{Pending: 1}
		f.AddZone(awsfake.HostedZone{Name: "example.com.", Private: true, VPCs: []string{"eu-west-1 vpc-1"}})
		id := f.AddZone(awsfake.HostedZone{Name: "example.com."})
		c, end, err := serve(f, nil)
		require.NoError(t, err)
		ends = append(ends, end)
		return providertest.Subject{
			Client: c, Zone: at(id),
			Seed: func(lines ...string) error { return seed(f, id, lines...) },
			Dump: func() ([]string, error) {
				out := f.Dump(id)
				for i, l := range out {
					out[i] = strings.TrimSpace(l)
				}
				slices.Sort(out)
				return out, nil
			},
		}
	}))
}
