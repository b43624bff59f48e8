package validate

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// lookElsewhere asks the name servers that the user named for the record. It gives the answers of those that serve its
// name with authority and are not among the zone's own.
func (p *Pass) lookElsewhere(ctx context.Context) []resolver.Answer {
	out, _ := p.held.get(func() ([]resolver.Answer, error) {
		own := map[netip.AddrPort]bool{}
		for _, s := range p.walker.Servers(p.facts.cut) {
			own[s.Addr] = true
		}
		port := p.walker.Port
		if port == 0 {
			port = 53
		}
		var cut resolver.Cut // of no zone: the names can lie anywhere
		var servers []resolver.Server
		for _, text := range p.elsewhere {
			if !hostByID(text).IsZero() {
				continue
			}
			if a, err := netip.ParseAddrPort(text); err == nil {
				servers = append(servers, resolver.Server{Addr: a})
			} else if a, err := netip.ParseAddr(text); err == nil {
				servers = append(servers, resolver.Server{Addr: netip.AddrPortFrom(a, port)})
			} else if n, err := resolver.ParseName(text); err == nil {
				cut.NameServers = append(cut.NameServers, resolver.NameServer{Name: n})
			}
		}
		if len(cut.NameServers) > 0 {
			servers = append(servers, p.walker.Servers(p.walker.Address(ctx, cut))...)
		}
		servers = slices.DeleteFunc(servers, func(s resolver.Server) bool { return own[s.Addr] })
		answers := p.walker.Ask(ctx, servers, p.Record.Name, resolver.TypeCNAME)
		return slices.DeleteFunc(answers, func(a resolver.Answer) bool { return !p.holds(a) }), nil
	})
	return out
}

// elsewhere is where the record stands at servers that the user named.
type elsewhere struct {
	Held []resolver.Answer
	// Serves reports whether the first of them serves the zone that the world asks, too: then the world could be sent to them.
	Serves bool
	// Below is the zone of its own, below the one that is asked and delegated by nobody, in which they hold the record; zero
	// where there is none. NameServers are those that it names itself.
	Below       resolver.Name
	NameServers []resolver.Name
	Saw         []resolver.Answer // what shows it
}

// heldElsewhere finds out in which zone the servers that the user named hold the record. Who has no SOA record of the zone
// that the world asks does not serve that one; a denial of something beside the record names the zone it comes from.
func (p *Pass) heldElsewhere(ctx context.Context) elsewhere {
	out, _ := p.where.get(func() (out elsewhere, err error) {
		zone := p.facts.cut.Zone
		probe, ok := p.probeName()
		if out.Held = p.lookElsewhere(ctx); len(out.Held) == 0 || !ok {
			return out, nil
		}
		one := []resolver.Server{out.Held[0].Server}
		soa := p.walker.Ask(ctx, one, zone, resolver.TypeSOA, resolver.Question{Name: probe, Type: resolver.TypeCNAME, Server: one[0].Addr})[0]
		if soa.Err != nil {
			return out, nil
		}
		out.Serves = soa.Response.Authoritative && len(soa.Response.RRs(zone, resolver.TypeSOA)) > 0
		beside := p.walker.Ask(ctx, one, probe, resolver.TypeCNAME)[0]
		deeper, denied := beside.Response.SOA()
		switch {
		case beside.Err == nil && denied && beside.Response.Authoritative && deeper.Name.Below(zone) && p.Record.Name.Within(deeper.Name):
			out.Below = deeper.Name
		case out.Serves:
			return out, nil
		default: // a wildcard has answered, so the zone did not name itself
			out.Below = p.Record.Domain()
		}
		out.Serves, out.Saw = false, []resolver.Answer{soa, beside}
		out.NameServers = nsNames(p.walker.Ask(ctx, one, out.Below, resolver.TypeNS)[0], out.Below)
		return out, nil
	})
	return out
}

// editedAt gives the provider that the user named and that none of the delegated name servers belongs to, and the ones that
// they belong to. It is the zero Host unless each of them is known.
func (p *Pass) editedAt() (there Host, delegated []Hosting) {
	servers := namesOf(p.facts.cut.NameServers)
	known := 0
	for _, h := range HostsOf(servers) {
		if h.Confidence == Likely {
			delegated = append(delegated, h)
			known += len(h.NameServers)
		} else if slices.Contains(p.elsewhere, h.Host.ID) {
			return Host{}, nil
		}
	}
	if known < len(servers) {
		return Host{}, nil
	}
	for _, text := range p.elsewhere {
		there = hostByID(text)
		if !there.IsZero() && !slices.ContainsFunc(delegated, func(h Hosting) bool { return h.Host.ID == there.ID }) {
			return there, delegated
		}
	}
	return Host{}, nil
}

// holds reports whether an answer is the record, with authority, whatever zone it comes from.
func (p *Pass) holds(a resolver.Answer) bool {
	if a.Err != nil || !a.Response.Authoritative {
		return false
	}
	t := targets(a.Response, p.Record.Name)
	return len(t) == 1 && p.Record.Accepts(t[0])
}

// ahead asks the servers of zones that lie between the record's zone and its parent and that the parent delegates too: the
// deeper cut wins, and a record left in the shallower zone is not asked for.
func (p *Pass) ahead(ctx context.Context) (zone resolver.Name, held []resolver.Answer, err error) {
	cut := p.facts.cut
	var parents []resolver.Server
	for _, a := range cut.Referrals {
		parents = append(parents, a.Server)
	}
	if len(parents) == 0 {
		return resolver.Name{}, nil, nil
	}
	between := betweenCuts(cut)
	results := make([][]resolver.Answer, len(between))
	errs := make([]error, len(between))
	var wg sync.WaitGroup
	for i, n := range between {
		wg.Go(func() { results[i], errs[i] = p.heldBy(ctx, parents[:1], n) })
	}
	wg.Wait()
	for i, n := range between {
		if len(results[i]) > 0 {
			return n, results[i], nil
		}
		if errs[i] != nil {
			err = errs[i]
		}
	}
	return resolver.Name{}, nil, err
}

// betweenCuts gives the names between a zone and its parent, the deepest first.
func betweenCuts(cut resolver.Cut) (names []resolver.Name) {
	for n := cut.Zone.Parent(); n.Below(cut.Parent); n = n.Parent() {
		names = append(names, n)
	}
	return names
}

// heldBy asks the parent's server who serves zone, and those for the record.
func (p *Pass) heldBy(ctx context.Context, parents []resolver.Server, zone resolver.Name) ([]resolver.Answer, error) {
	refers := p.walker.Ask(ctx, parents, zone, resolver.TypeNS)
	if refers[0].Err != nil {
		return nil, Answers(refers).Known()
	}
	next := resolver.Cut{Zone: zone, Parent: p.facts.cut.Parent}
	for _, rr := range refers[0].Response.Authority {
		n, ok := rr.Target()
		if !ok || rr.Type != resolver.TypeNS || rr.Name != zone {
			continue
		}
		ns := resolver.NameServer{Name: n}
		for _, g := range refers[0].Response.Additional {
			if addr, ok := g.Addr(); ok && g.Name == n && n.Within(p.facts.cut.Parent) {
				ns.Addrs, ns.Glue = append(ns.Addrs, addr), true
			}
		}
		next.NameServers = append(next.NameServers, ns)
	}
	slices.SortFunc(next.NameServers, func(a, b resolver.NameServer) int { return a.Name.Compare(b.Name) })
	servers := p.walker.Servers(p.walker.Address(ctx, next))
	answers := p.walker.Ask(ctx, servers, p.Record.Name, resolver.TypeCNAME)
	return slices.DeleteFunc(answers, func(a resolver.Answer) bool { return !p.holds(a) }), nil
}
