package resolvertest

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// pools are the blocks for documentation (RFC 5737) and for benchmarks (RFC 2544): nobody's servers.
var pools = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
}

// builder fills in what a text leaves out.
type builder struct {
	zones   []*zone
	copies  map[resolver.Name][]*zone // by the zone's name, in the order of the text
	servers []resolver.Name           // every name server, in order of appearance
	known   map[resolver.Name]bool
	addrs   map[resolver.Name][]netip.Addr
	taken   map[netip.Addr]bool
	pool    []netip.Prefix
	last    netip.Addr
}

func build(zones []*zone, pool []netip.Prefix) (*Internet, error) {
	b := &builder{
		zones: zones, copies: map[resolver.Name][]*zone{}, known: map[resolver.Name]bool{},
		addrs: map[resolver.Name][]netip.Addr{}, taken: map[netip.Addr]bool{}, pool: pool,
	}
	for _, z := range zones {
		b.copies[z.name] = append(b.copies[z.name], z)
	}
	b.nameServers()
	b.serversInText()
	b.surroundings()
	for _, z := range b.zones {
		b.collectAddrs(z)
	}
	if err := b.allocate(); err != nil {
		return nil, err
	}
	b.placeAddrs()
	b.delegate()
	b.glue()
	b.signAll()
	return b.internet()
}

// nameServers gives the zones of the text the SOA and NS records they lack.
func (b *builder) nameServers() {
	for _, z := range b.zones {
		b.complete(z)
	}
}

// complete fills in SOA and NS. All delegated copies of a zone that give no NS have the same: the servers that any of
// them is said to be on, or those that another copy gives.
func (b *builder) complete(z *zone) {
	if len(z.get(z.name, dns.TypeNS)) == 0 {
		var names []resolver.Name
		add := func(n resolver.Name) {
			if !n.IsZero() && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		var named []resolver.Name
		bare := false
		for _, c := range b.copies[z.name] {
			if c != z && (c.undelegated || z.undelegated) {
				continue
			}
			ns := c.targets(c.name)
			named = append(named, ns...)
			for _, h := range c.on {
				named = append(named, h.name)
			}
			bare = bare || len(c.on) == 0 && len(ns) == 0
		}
		if bare || !slices.ContainsFunc(named, func(n resolver.Name) bool { return !n.IsZero() }) {
			named = append(usual(z.name), named...)
		}
		for _, n := range named {
			add(n)
		}
		for _, n := range names {
			z.add(z.name, &dns.NS{Hdr: header(z.name, dns.TypeNS, DefaultTTL), Ns: n.String()})
		}
	}
	if len(z.get(z.name, dns.TypeSOA)) == 0 {
		first := z.targets(z.name)
		mname, rname := z.name, z.name
		if len(first) > 0 {
			mname = first[0]
		}
		if n, ok := z.name.Child("hostmaster"); ok {
			rname = n
		}
		z.add(z.name, &dns.SOA{
			Hdr: header(z.name, dns.TypeSOA, 900), Ns: mname.String(), Mbox: rname.String(),
			Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: 300,
		})
	}
}

func header(n resolver.Name, t uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: n.String(), Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
}

// usual gives the names of the two servers of a zone that names none.
func usual(zone resolver.Name) []resolver.Name {
	base, labels := zone, []string{"ns1", "ns2"}
	switch zone.NumLabels() {
	case 0:
		base, labels = resolver.MustParseName("root-servers.test."), []string{"a", "b"}
	case 1:
		if n, ok := zone.Child("nic"); ok {
			base = n
		}
	}
	var out []resolver.Name
	for _, l := range labels {
		if n, ok := base.Child(l); ok {
			out = append(out, n)
		}
	}
	return out
}

// serversInText lists the name servers in order of appearance.
func (b *builder) serversInText() {
	for _, z := range b.zones {
		b.noteServers(z)
	}
}

func (b *builder) noteServers(z *zone) {
	note := func(n resolver.Name) {
		if !n.IsZero() && !b.known[n] {
			b.known[n] = true
			b.servers = append(b.servers, n)
		}
	}
	for _, h := range z.on {
		note(h.name)
	}
	for _, n := range z.targets(z.name) {
		note(n)
	}
	for _, c := range z.cuts() {
		for _, n := range z.targets(c) {
			note(n)
		}
	}
}

// surroundings adds the zones that the text takes for granted: those of name servers elsewhere, top-level domains, the
// root. The list of servers grows while it is gone through.
func (b *builder) surroundings() {
	add := func(n resolver.Name) {
		if len(b.copies[n]) > 0 {
			return
		}
		z := newZone(n)
		z.synthetic = true
		b.zones = append(b.zones, z)
		b.copies[n] = []*zone{z}
		b.complete(z)
		b.noteServers(z)
	}
	for i := 0; i < len(b.servers); i++ {
		s := b.servers[i]
		if home := b.home(s); (home == nil || home.name.NumLabels() < 2) && s.NumLabels() > 2 && !b.anyIsRootServer(s) {
			add(s.Parent())
		}
	}
	for i := 0; i < len(b.zones); i++ {
		if n := b.zones[i].name; n.NumLabels() > 1 {
			add(n.Ancestor(1))
		}
	}
	for i := 0; i < len(b.servers); i++ {
		if s := b.servers[i]; s.NumLabels() > 0 && !b.anyIsRootServer(s) {
			add(s.Ancestor(1))
		}
	}
	add(resolver.Root)
}

// anyIsRootServer keeps the made-up names of our root servers from bringing a top-level domain of their own.
func (b *builder) anyIsRootServer(n resolver.Name) bool {
	return slices.Contains(usual(resolver.Root), n)
}

// home gives the first copy of the deepest zone that encloses a name, nil where there is none.
func (b *builder) home(n resolver.Name) *zone {
	for ; !n.IsZero(); n = n.Parent() {
		if c := b.copies[n]; len(c) > 0 {
			return c[0]
		}
	}
	return nil
}

// collectAddrs takes the addresses that the text gives; they are in use.
func (b *builder) collectAddrs(z *zone) {
	for _, owner := range z.owners() {
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			for _, rr := range z.get(owner, t) {
				a, ok := addrOf(rr)
				if !ok {
					continue
				}
				b.taken[a] = true
				if !slices.Contains(b.addrs[owner], a) {
					b.addrs[owner] = append(b.addrs[owner], a)
				}
			}
		}
	}
	for _, h := range z.on {
		if h.addr != "" {
			b.taken[netip.MustParseAddr(h.addr)] = true
		}
	}
}

func addrOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		a, ok := netip.AddrFromSlice(rr.A.To4())
		return a, ok
	case *dns.AAAA:
		a, ok := netip.AddrFromSlice(rr.AAAA.To16())
		return a, ok
	}
	return netip.Addr{}, false
}

// allocate gives every name server without an address one, unless the zone of its name is to stay as given.
func (b *builder) allocate() error {
	for _, s := range b.servers {
		if len(b.addrs[s]) > 0 {
			continue
		}
		if home := b.home(s); home != nil && home.asGiven {
			continue
		}
		a, ok := b.nextAddr()
		if !ok {
			return fmt.Errorf("no addresses left for %s and further name servers: %w", s, ErrText)
		}
		b.addrs[s] = []netip.Addr{a}
	}
	return nil
}

func (b *builder) nextAddr() (netip.Addr, bool) {
	for len(b.pool) > 0 {
		if !b.last.IsValid() {
			b.last = b.pool[0].Masked().Addr()
		}
		b.last = b.last.Next()
		if !b.pool[0].Contains(b.last) || b.pool[0].Addr().Is4() && !b.pool[0].Contains(b.last.Next()) {
			b.pool, b.last = b.pool[1:], netip.Addr{}
			continue
		}
		if !b.taken[b.last] {
			b.taken[b.last] = true
			return b.last, true
		}
	}
	return netip.Addr{}, false
}

// placeAddrs puts the servers' addresses into the zones that their names belong to.
func (b *builder) placeAddrs() {
	for _, s := range b.servers {
		home := b.home(s)
		if home == nil {
			continue
		}
		for _, z := range b.copies[home.name] {
			b.place(z, s)
		}
	}
}

func (b *builder) place(z *zone, s resolver.Name) {
	if z.asGiven || len(z.get(s, dns.TypeA)) > 0 || len(z.get(s, dns.TypeAAAA)) > 0 || len(z.get(s, dns.TypeCNAME)) > 0 {
		return
	}
	for _, a := range b.addrs[s] {
		if a.Is4() {
			z.add(s, &dns.A{Hdr: header(s, dns.TypeA, DefaultTTL), A: a.AsSlice()})
		} else {
			z.add(s, &dns.AAAA{Hdr: header(s, dns.TypeAAAA, DefaultTTL), AAAA: a.AsSlice()})
		}
	}
}

// delegate copies each zone's NS records into every copy of its parent that gives none of its own.
func (b *builder) delegate() {
	type cut struct {
		parent *zone
		child  resolver.Name
	}
	filled := map[cut]bool{}
	for _, child := range b.zones {
		if child.undelegated || child.name.IsRoot() {
			continue
		}
		for _, p := range b.copies[b.parentOf(child.name)] {
			k := cut{p, child.name}
			if p.asGiven || len(p.get(child.name, dns.TypeNS)) > 0 && !filled[k] {
				continue
			}
			filled[k] = true
			for _, n := range child.targets(child.name) {
				p.add(child.name, &dns.NS{Hdr: header(child.name, dns.TypeNS, DefaultTTL), Ns: n.String()})
			}
		}
	}
}

// parentOf gives the closest zone above a name of which a delegated copy is there.
func (b *builder) parentOf(n resolver.Name) resolver.Name {
	for n = n.Parent(); !n.IsRoot(); n = n.Parent() {
		if slices.ContainsFunc(b.copies[n], func(z *zone) bool { return !z.undelegated }) {
			return n
		}
	}
	return resolver.Root
}

// glue adds addresses of name servers below a cut to the zone above it (RFC 9471, 2), siblings' too.
func (b *builder) glue() {
	for _, z := range b.zones {
		for _, c := range z.cuts() {
			for _, n := range z.targets(c) {
				if n.Within(z.name) {
					b.place(z, n)
				}
			}
		}
	}
}

// internet puts the copies onto the servers. A copy that says "on" goes before one that does not.
func (b *builder) internet() (*Internet, error) {
	in := &Internet{zones: b.zones, hosts: map[netip.Addr]*host{}, addrs: map[resolver.Name][]netip.Addr{}}
	for _, z := range b.zones {
		z.moment = &in.Moment
	}
	at := func(a netip.Addr) *host {
		if in.hosts[a] == nil {
			in.hosts[a] = &host{addr: a, zones: map[resolver.Name]*zone{}}
		}
		return in.hosts[a]
	}
	for _, s := range b.servers {
		in.servers = append(in.servers, s)
		in.addrs[s] = b.addrs[s]
		for _, a := range b.addrs[s] {
			h := at(a)
			h.names = append(h.names, s)
		}
	}
	put := func(z *zone, a netip.Addr, explicit bool) error {
		h := at(a)
		other := h.zones[z.name]
		switch {
		case other == nil || other == z:
		case len(other.on) > 0 && !explicit:
			return nil
		default:
			return &LineError{z.line, fmt.Sprintf("server %s has a copy of %s already, from line %d", a, z.name, other.line)}
		}
		h.zones[z.name] = z
		return nil
	}
	for _, explicit := range []bool{true, false} {
		for _, z := range b.zones {
			if (len(z.on) > 0) != explicit {
				continue
			}
			var addrs []netip.Addr
			for _, h := range z.on {
				if h.addr != "" {
					addrs = append(addrs, netip.MustParseAddr(h.addr))
				}
				addrs = append(addrs, b.addrs[h.name]...)
			}
			if !explicit {
				for _, n := range z.targets(z.name) {
					addrs = append(addrs, b.addrs[n]...)
				}
			}
			for _, a := range addrs {
				if err := put(z, a, explicit); err != nil {
					return nil, err
				}
			}
		}
	}
	return in, nil
}
