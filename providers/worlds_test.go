package providers_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// worldProvider is the provider at which the zones of a world live: a write changes every copy of a zone.
type worldProvider struct {
	in        *resolvertest.Internet
	record    validate.Record
	delegated []resolver.Name

	mu      sync.Mutex
	read    map[resolver.Name]bool
	written []resolver.Name
}

func (p *worldProvider) Name() string { return "world" }
func (p *worldProvider) Traits() providers.Traits {
	return providers.Traits{Atomic: true, Replaces: true}
}

func (p *worldProvider) FindZones(_ context.Context, owner resolver.Name) ([]providers.Zone, error) {
	var out []providers.Zone
	for _, z := range p.in.Zones() {
		if owner.Within(z.Name) && z.FromText && p.mine(z.Name, z) {
			out = append(out, providers.Zone{Apex: z.Name, NameServers: p.delegated})
		}
	}
	return out, nil
}

func (p *worldProvider) Read(_ context.Context, z providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sets := map[string]*providers.RRset{}
	var order []string
	for _, c := range p.in.Zones() {
		if c.Name != z.Apex || !p.mine(z.Apex, c) {
			continue
		}
		for _, rr := range c.Records {
			if !slices.Contains(owners, rr.Name) {
				continue
			}
			key := rr.Name.String() + " " + rr.Type.String()
			if sets[key] == nil {
				sets[key] = &providers.RRset{Name: rr.Name, Type: rr.Type, TTL: rr.TTL}
				order = append(order, key)
			}
			if s := sets[key]; !slices.Contains(s.Values, rr.Text()) {
				s.Values = append(s.Values, rr.Text())
			}
		}
	}
	for _, o := range owners {
		p.read[o] = true
	}
	var out []providers.RRset
	for _, key := range order {
		out = append(out, *sets[key])
	}
	return out, nil
}

// mine picks the copy that this provider shows: one that the world is sent to and that is not right at the name, if there is one. At
// a provider whose copy is right there is nothing to plan.
func (p *worldProvider) mine(apex resolver.Name, c resolvertest.Zone) bool {
	var candidates []resolvertest.Zone
	for _, z := range p.in.Zones() {
		if z.Name == apex && slices.ContainsFunc(p.delegated, func(ns resolver.Name) bool {
			return slices.ContainsFunc(p.in.Addrs(ns), func(a netip.Addr) bool { return slices.Contains(z.Addrs, a) })
		}) {
			candidates = append(candidates, z)
		}
	}
	lacks := func(z resolvertest.Zone) bool { // anything but the one right CNAME at the name
		at := slices.DeleteFunc(slices.Clone(z.Records), func(rr resolver.RR) bool { return rr.Name != p.record.Name })
		if len(at) != 1 || at[0].Type != resolver.TypeCNAME {
			return true
		}
		t, ok := at[0].Target()
		return !ok || !p.record.Accepts(t)
	}
	if !slices.ContainsFunc(candidates, lacks) { // then it is a copy that only the zone's own NS records lead to
		for _, z := range p.in.Zones() {
			if z.Name == apex {
				candidates = append(candidates, z)
			}
		}
	}
	i := slices.IndexFunc(candidates, lacks)
	return len(candidates) > 0 && slices.Equal(c.Addrs, candidates[max(i, 0)].Addrs)
}

func (p *worldProvider) Write(_ context.Context, z providers.Zone, b providers.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range b.Delete {
		p.written = append(p.written, s.Name)
		if err := p.in.SetRRset(z.Apex, s.Name, s.Type, s.TTL, nil); err != nil {
			return err
		}
	}
	for _, s := range b.Create {
		p.written = append(p.written, s.Name)
		if err := p.in.SetRRset(z.Apex, s.Name, s.Type, s.TTL, s.Values); err != nil {
			return err
		}
	}
	return nil
}

// TestPlansOverAllWorlds holds the laws Fix and Scope with real reports: what NewPlan makes of a report and Apply carries out
// makes the world valid, planning again is then empty, undo brings back what was, and no name is touched that is not the
// record's own or a misplacement of it.
func TestPlansOverAllWorlds(t *testing.T) {
	worlds, err := validatetest.Load(os.DirFS("../validate/testdata/worlds"))
	require.NoError(t, err)
	mended := 0
	for _, w := range worlds {
		if len(w.Fix) == 0 {
			continue
		}
		mended++
		t.Run(w.File, func(t *testing.T) {
			in, err := w.Internet()
			require.NoError(t, err)
			checker, err := w.Checker(in, in)
			require.NoError(t, err)
			check := func() validate.Report {
				rep, err := checker.Check(t.Context(), w.Record)
				require.NoError(t, err)
				return rep
			}
			before := check()
			p := &worldProvider{in: in, record: w.Record, delegated: before.Zone.NameServers, read: map[resolver.Name]bool{}}
			plan, err := providers.NewPlan(t.Context(), p, before)
			require.NoError(t, err)
			require.False(t, plan.Empty(), plan.Reason())
			assert.Empty(t, p.written, "a plan changes nothing")
			res, err := providers.Apply(t.Context(), p, plan)
			require.NoError(t, err)
			assert.Empty(t, res.Left)
			for _, n := range p.written {
				assert.True(t, validate.InScope(w.Record, before.Zone.Name, n), "%s was written", n)
				assert.True(t, p.read[n], "%s was written and not read", n)
			}
			after := check()
			if _, more := validatetest.ZoneFix(after); after.Verdict != validate.Valid {
				assert.False(t, more, "what is left to mend is not in the zone: %v", validatetest.Got(after))
				assert.False(t, slices.ContainsFunc(after.Findings, func(f validate.Finding) bool { return f.Rule == plan.Rule() }), "what was mended is no more")
			}
			again, err := providers.NewPlan(t.Context(), p, after)
			require.NoError(t, err)
			assert.True(t, again.Empty(), "%s", again)
			if copies(in, before.Zone.Name) > 1 {
				return // the copies differed: what was cannot be brought back by one write to all
			}
			undo, err := res.Undo.Plan(t.Context(), p)
			require.NoError(t, err)
			_, err = providers.Apply(t.Context(), p, undo)
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprint(validatetest.Got(before)), fmt.Sprint(validatetest.Got(check())), "undone, it is as broken as before")
		})
	}
	assert.Greater(t, mended, 50)
}

func copies(in *resolvertest.Internet, zone resolver.Name) (n int) {
	for _, z := range in.Zones() {
		if z.Name == zone {
			n++
		}
	}
	return n
}
