package providertest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/providertest"
	"github.com/acmdoctor/acmdoctor/resolver"
)

var (
	apex        = resolver.MustParseName("example.com.")
	nameServers = []resolver.Name{resolver.MustParseName("ns1.host.example."), resolver.MustParseName("ns2.host.example.")}
)

func TestMemoryWithEveryCombinationOfTraits(t *testing.T) {
	for bits := range 16 {
		traits := providers.Traits{Atomic: bits&1 != 0, CompareAndSwap: bits&2 != 0, Replaces: bits&4 != 0}
		lax := bits&8 != 0
		t.Run(fmt.Sprintf("lax %t %+v", lax, traits), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, providertest.TestClient(func() providertest.Subject { return memorySubject(traits, lax) }))
		})
	}
}

func memorySubject(traits providers.Traits, lax bool) providertest.Subject {
	z := providers.Zone{Apex: apex, ID: "Z1", NameServers: nameServers}
	m := &providertest.Memory{Caps: traits, Lax: lax}
	m.AddZone(providers.Zone{Apex: apex, ID: "Z0", Private: true})
	m.AddZone(z)
	return providertest.Subject{
		Client: m, Zone: z,
		Seed: func(lines ...string) error { return m.Seed(z, lines...) },
		Dump: func() ([]string, error) { return m.Dump(z) },
	}
}

// The profiles are those that were measured or read in the released versions of the providers.
func TestLibdnsProfiles(t *testing.T) {
	for name, p := range map[string]struct {
		habits providertest.Habits
		quirks providers.Quirks
	}{
		"by the contract, known":   {quirks: providers.Quirks{SetReplaces: true}},
		"by the contract, unknown": {},
		"lax, known":               {providertest.Habits{Lax: true}, providers.Quirks{SetReplaces: true}},
		"lax, unknown":             {providertest.Habits{Lax: true, PlainRR: true}, providers.Quirks{}},
		"desec":                    {providertest.Habits{MinTTL: 3600}, providers.Quirks{SetReplaces: true, MinTTL: 3600}},
		"gandi":                    {providertest.Habits{SetMerges: true, PlainRR: true, MinTTL: 300}, providers.Quirks{MinTTL: 300}},
		"digitalocean":             {providertest.Habits{NeedsOwn: true, AbsoluteTargets: true}, providers.Quirks{TargetStyle: providers.Absolute}},
		"hetzner":                  {providertest.Habits{SetLosesOld: true, FailSets: 1}, providers.Quirks{}},
		"ionos":                    {providertest.Habits{DeleteAnyValue: true, AbsoluteTargets: true}, providers.Quirks{SetReplaces: true, TargetStyle: providers.Absolute, WriteNoDot: true}},
		"ovh":                      {providertest.Habits{SetAddsFirst: true}, providers.Quirks{}},
		"azure":                    {providertest.Habits{DeleteAnyValue: true, AbsoluteTargets: true}, providers.Quirks{SetReplaces: true, TargetStyle: providers.Absolute}},
		"rfc2136":                  {providertest.Habits{AppendReplaces: true, IgnoredBeside: true}, providers.Quirks{SetReplaces: true}},
		"dnsimple":                 {providertest.Habits{NilElements: true}, providers.Quirks{}},
		"full names":               {providertest.Habits{FullNames: true, UpperCase: true, ReturnsNothing: true}, providers.Quirks{}},
	} {
		for _, lists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lists zones %t", name, lists), func(t *testing.T) {
				t.Parallel()
				require.NoError(t, providertest.TestClient(func() providertest.Subject {
					m := &providertest.MemoryLibdns{Apex: apex, Habits: p.habits}
					var lib providers.LibDNS = m
					if lists {
						lib = providertest.MemoryLibdnsLister{MemoryLibdns: m}
					}
					return providertest.Subject{
						Client: providers.FromLibdns(lib, p.quirks), Zone: providers.Zone{Apex: apex}, Seed: m.Seed, Dump: m.Dump,
					}
				}))
			})
		}
	}
}
