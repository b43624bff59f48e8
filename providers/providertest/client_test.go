package providertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// Each provider that is offered passes with what is known about it, at a provider in memory that has exactly its habits.
func TestProfilesPass(t *testing.T) {
	habits := map[string]providertest.Habits{
		"desec":          {MinTTL: 3600, ListsApex: true},
		"gandi":          {SetMerges: true, PlainRR: true, MinTTL: 300, TXTQuoted: true},
		"digitalocean":   {NeedsOwn: true, AbsoluteTargets: true, MinTTL: 30, ListsApex: true},
		"hetzner":        {SetLosesOld: true, FailSets: 1, MinTTL: 60},
		"ionos":          {DeleteAnyValue: true, AbsoluteTargets: true, MinTTL: 60},
		"ovh":            {SetAddsFirst: true, MinTTL: 60, TXTBare: true},
		"googleclouddns": {ListsApex: true},
		"azure":          {DeleteAnyValue: true, AbsoluteTargets: true, ListsApex: true},
	}
	lists := map[string]bool{"desec": true, "hetzner": true, "ionos": true}
	for _, p := range providers.Profiles() {
		if p.Native || p.Refused != "" {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			h, ok := habits[p.Name]
			require.True(t, ok, "the provider's habits are not in this test")
			require.Equal(t, p.Name, p.Quirks.Name)
			require.NoError(t, providertest.TestClient(func() providertest.Subject {
				m := &providertest.MemoryLibdns{Apex: apex, Habits: h}
				var lib providers.LibDNS = m
				if lists[p.Name] {
					lib = providertest.MemoryLibdnsLister{MemoryLibdns: m}
				}
				return providertest.Subject{Client: providers.FromLibdns(lib, p.Quirks), Zone: providers.Zone{Apex: apex}, Seed: m.Seed, Dump: m.Dump}
			}))
			if h == (providertest.Habits{MinTTL: h.MinTTL, ListsApex: h.ListsApex}) {
				return
			}
			require.Error(t, providertest.TestClient(func() providertest.Subject {
				m := &providertest.MemoryLibdns{Apex: apex, Habits: h}
				return providertest.Subject{
					Client: providers.FromLibdns(m, providers.Quirks{SetReplaces: !p.Quirks.SetReplaces || p.Quirks.TargetStyle != ""}), Zone: providers.Zone{Apex: apex}, Seed: m.Seed, Dump: m.Dump,
				}
			}), "with other quirks the suite tells what is wrong")
		})
	}
}

// A suite that lets everything through proves nothing: each of these Clients breaks one promise and must be told.
func TestSuiteTellsWhatIsBroken(t *testing.T) {
	www := resolver.MustParseName("www.example.com.")
	for what, c := range map[string]struct {
		client func(m *providertest.Memory) providers.Client
		text   string
	}{
		"sees nothing": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, read: func([]providers.RRset, error) ([]providers.RRset, error) { return nil, nil }}
		}, "replace"},
		"takes an unknown zone for an empty one": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, read: func(s []providers.RRset, err error) ([]providers.RRset, error) {
				if errors.Is(err, providers.ErrZoneNotFound) {
					return nil, nil
				}
				return s, err
			}}
		}, "unknown zone"},
		"touches a neighbour": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, wrote: func(z providers.Zone, err error) error {
				return errors.Join(err, m.Put(z, providers.RRset{Name: www, Type: resolver.TypeA}))
			}}
		}, "www.example.com."},
		"goes on after cancellation": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, deaf: true}
		}, "context.Canceled"},
		"shortens targets to what ACM uses": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, read: func(sets []providers.RRset, err error) ([]providers.RRset, error) {
				for _, s := range sets {
					for i, v := range s.Values {
						s.Values[i] = strings.Replace(v, ".aws.example.com.", ".aws.", 1)
					}
				}
				return sets, err
			}}
		}, "value doubled"},
		"says that it compares, and does not": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, claims: providers.Traits{CompareAndSwap: true}}
		}, "stale batch ("},
		"compares only what it writes": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, claims: providers.Traits{CompareAndSwap: true}, wrote: func(_ providers.Zone, err error) error {
				if errors.Is(err, providertest.ErrRefused) {
					return fmt.Errorf("%w: %w", providers.ErrConflict, err)
				}
				return err
			}}
		}, "stale batch ("},
		"compares, and deletes by name and type": {func(m *providertest.Memory) providers.Client {
			m.Caps.CompareAndSwap = true
			return altered{Memory: m, batch: deletesAll(m, func(s, d providers.RRset) bool { return s.Name == d.Name && s.Type == d.Type })}
		}, "deleting what is not there ("},
		"deletes by name": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, batch: deletesAll(m, func(s, d providers.RRset) bool { return s.Name == d.Name })}
		}, "deleting what is not there ("},
		"reads one value of a set": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, read: func(sets []providers.RRset, err error) ([]providers.RRset, error) {
				return firstValues(sets), err
			}}
		}, "two values read ("},
		"creates one value of a set": {func(m *providertest.Memory) providers.Client {
			return altered{Memory: m, batch: func(_ providers.Zone, b providers.Batch) providers.Batch {
				b.Create = firstValues(b.Create)
				return b
			}}
		}, "two values created ("},
	} {
		t.Run(what, func(t *testing.T) {
			err := providertest.TestClient(func() providertest.Subject {
				s := memorySubject(providers.Traits{}, false)
				s.Client = c.client(s.Client.(*providertest.Memory))
				return s
			})
			require.ErrorContains(t, err, c.text)
		})
	}
}

// altered is a Memory with one promise broken.
type altered struct {
	*providertest.Memory
	read   func([]providers.RRset, error) ([]providers.RRset, error)
	batch  func(providers.Zone, providers.Batch) providers.Batch // what is written in place of it
	wrote  func(providers.Zone, error) error
	claims providers.Traits // in place of those that are kept
	deaf   bool             // to cancellation
}

func (a altered) Traits() providers.Traits {
	if a.claims != (providers.Traits{}) {
		return a.claims
	}
	return a.Memory.Traits()
}

func (a altered) Read(ctx context.Context, z providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	if a.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	sets, err := a.Memory.Read(ctx, z, owners...)
	if a.read != nil {
		return a.read(sets, err)
	}
	return sets, err
}

func (a altered) Write(ctx context.Context, z providers.Zone, b providers.Batch) error {
	if a.deaf {
		ctx = context.WithoutCancel(ctx)
	}
	if a.batch != nil {
		b = a.batch(z, b)
	}
	err := a.Memory.Write(ctx, z, b)
	if a.wrote != nil {
		return a.wrote(z, err)
	}
	return err
}

// deletesAll makes a batch delete every set that is the same as one to be deleted by this reading.
func deletesAll(m *providertest.Memory, same func(stands, named providers.RRset) bool) func(providers.Zone, providers.Batch) providers.Batch {
	return func(z providers.Zone, b providers.Batch) providers.Batch {
		now, err := m.Read(context.Background(), z, b.Owners...)
		if err != nil {
			return b
		}
		b.Delete = slices.DeleteFunc(now, func(s providers.RRset) bool {
			return !slices.ContainsFunc(b.Delete, func(d providers.RRset) bool { return same(s, d) })
		})
		return b
	}
}

func firstValues(sets []providers.RRset) []providers.RRset {
	out := slices.Clone(sets)
	for i := range out {
		out[i].Values = out[i].Values[:min(1, len(out[i].Values))]
	}
	return out
}
