package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// demoHost is the name of the simulated provider.
const demoHost = "demo-host"

// internetProvider is an account at a DNS provider whose zones are those of a simulated internet. It is an adapter as a real
// provider has one, and keeps the same contract. A write reaches every copy of a zone. Safe for concurrent use.
type internetProvider struct {
	in *resolvertest.Internet
	on []resolver.Name // the account has the copies that these servers hold; none: every copy of the text

	mu sync.Mutex // held over compare and write
}

func (p *internetProvider) Name() string { return demoHost }

func (p *internetProvider) Traits() providers.Traits {
	return providers.Traits{Atomic: true, CompareAndSwap: true, Replaces: true}
}

// FindZones gives the account's zones that owner lies in. A zone's ID is its place among all zones.
func (p *internetProvider) FindZones(_ context.Context, owner resolver.Name) ([]providers.Zone, error) {
	var out []providers.Zone
	for i, z := range p.in.Zones() {
		if z.FromText && p.holds(z) && owner.Within(z.Name) {
			out = append(out, providers.Zone{Apex: z.Name, ID: "zone-" + strconv.Itoa(i+1), NameServers: z.NameServers})
		}
	}
	return out, nil
}

func (p *internetProvider) holds(z resolvertest.Zone) bool {
	return len(p.on) == 0 || slices.ContainsFunc(p.on, func(server resolver.Name) bool {
		return slices.ContainsFunc(p.in.Addrs(server), func(a netip.Addr) bool { return slices.Contains(z.Addrs, a) })
	})
}

// aliases gives the CNAME and TXT records of the account's zones.
func (p *internetProvider) aliases() []resolver.RR {
	var out []resolver.RR
	for _, z := range p.in.Zones() {
		for _, rr := range z.Records {
			if z.FromText && p.holds(z) && (rr.Type == resolver.TypeCNAME || rr.Type == resolver.TypeTXT) {
				out = append(out, rr)
			}
		}
	}
	return out
}

// Read gives what stands at the owners.
func (p *internetProvider) Read(ctx context.Context, zone providers.Zone, owners ...resolver.Name) ([]providers.RRset, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.read(zone, owners)
}

func (p *internetProvider) read(zone providers.Zone, owners []resolver.Name) ([]providers.RRset, error) {
	for i, z := range p.in.Zones() {
		if !z.FromText || !p.holds(z) || z.Name != zone.Apex || zone.ID != "" && zone.ID != "zone-"+strconv.Itoa(i+1) {
			continue
		}
		var out []providers.RRset
		for _, rr := range z.Records {
			if !slices.Contains(owners, rr.Name) {
				continue
			}
			at := slices.IndexFunc(out, func(s providers.RRset) bool { return s.Name == rr.Name && s.Type == rr.Type })
			if at < 0 {
				out = append(out, providers.RRset{Name: rr.Name, Type: rr.Type, TTL: rr.TTL})
				at = len(out) - 1
			}
			out[at].Values = append(out[at].Values, rr.Text())
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s: %s %s: %w", demoHost, zone.Apex, zone.ID, providers.ErrZoneNotFound)
}

// Write compares what stands at the owners with what is expected, and then does all or nothing.
func (p *internetProvider) Write(ctx context.Context, zone providers.Zone, b providers.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	now, err := p.read(zone, b.Owners)
	if err != nil {
		return err
	}
	if !equalSets(now, b.Expect) {
		return fmt.Errorf("%s: %s: %w", demoHost, zone.Apex, providers.ErrConflict)
	}
	var undo []providers.RRset // what takes back the sets written so far
	set := func(name resolver.Name, t resolver.Type, ttl uint32, values []string) error {
		was := providers.RRset{Name: name, Type: t}
		if i := slices.IndexFunc(now, func(s providers.RRset) bool { return s.Name == name && s.Type == t }); i >= 0 {
			was = now[i]
		}
		if err := p.in.SetRRset(zone.Apex, name, t, ttl, values); err != nil {
			return err
		}
		undo = append(undo, was)
		return nil
	}
	write := func() error {
		for _, s := range b.Delete {
			if !slices.ContainsFunc(now, s.Equal) {
				return fmt.Errorf("there is no %s", s)
			}
			if err := set(s.Name, s.Type, 0, nil); err != nil {
				return err
			}
		}
		for _, s := range b.Create {
			stands, err := p.read(zone, []resolver.Name{s.Name})
			if err != nil {
				return err
			}
			if slices.ContainsFunc(stands, func(x providers.RRset) bool { return x.Type == s.Type }) {
				return fmt.Errorf("there is a %s at %s already", s.Type, s.Name)
			}
			if err := set(s.Name, s.Type, s.TTL, s.Values); err != nil {
				return err
			}
		}
		return nil
	}
	if err := write(); err != nil {
		for _, s := range slices.Backward(undo) {
			err = errors.Join(err, p.in.SetRRset(zone.Apex, s.Name, s.Type, s.TTL, s.Values))
		}
		return fmt.Errorf("%s: %w", demoHost, err)
	}
	return nil
}

// equalSets reports whether both hold the same, in any order.
func equalSets(a, b []providers.RRset) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s providers.RRset) bool { return !slices.ContainsFunc(b, s.Equal) })
}
