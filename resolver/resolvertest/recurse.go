package resolvertest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// Bounds of one recursion.
const (
	recursionPackets = 300
	recursionDepth   = 4 // name servers whose names need name servers
	recursionAliases = 16
)

// Recursor makes the address that of a recursive resolver. It has no cache but what [Internet.Remember] puts there.
func (in *Internet) Recursor(addr netip.Addr) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.recursor(addr)
}

func (in *Internet) recursor(addr netip.Addr) *host {
	addr = addr.Unmap()
	if in.hosts[addr] == nil {
		in.hosts[addr] = &host{addr: addr, zones: map[resolver.Name]*zone{}}
	}
	in.hosts[addr].recursor = true
	return in.hosts[addr]
}

// memory is one answer that a recursive resolver still holds.
type memory struct {
	rrs   []dns.RR // none: the name does not exist
	soa   dns.RR
	until time.Time
}

type memoryKey struct {
	name resolver.Name
	t    uint16
}

// Remember makes the recursive resolver at the address answer the question with these records until their time is over,
// whatever the zone says by then: a stale answer. No RDATA is a remembered "no such name", with the SOA of the closest
// zone. TTLs count down by the clock, which in a bubble of testing/synctest is the bubble's.
func (in *Internet) Remember(recursor netip.Addr, owner resolver.Name, t resolver.Type, ttl uint32, rdata []string) error {
	m := memory{until: time.Now().Add(time.Duration(ttl) * time.Second)}
	for _, s := range rdata {
		rr, err := newRR(owner, ttl, t, s)
		if err != nil {
			return fmt.Errorf("resolvertest: remember %s %s: %w: %w", owner, t, ErrText, err)
		}
		m.rrs = append(m.rrs, rr)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	h := in.recursor(recursor)
	for n := owner; !n.IsZero() && m.soa == nil; n = n.Parent() {
		for _, z := range in.zones {
			if z.name == n && !z.undelegated && m.soa == nil {
				m.soa = z.get(n, dns.TypeSOA)[0]
			}
		}
	}
	if h.memory == nil {
		h.memory = map[memoryKey]memory{}
	}
	h.memory[memoryKey{owner, uint16(t)}] = m
	return nil
}

// remembered answers from memory; nil where there is none, or not any more.
func (in *Internet) remembered(h *host, req *dns.Msg, q resolver.Question) *dns.Msg {
	in.mu.Lock()
	defer in.mu.Unlock()
	v, ok := h.memory[memoryKey{q.Name, uint16(q.Type)}]
	left := time.Until(v.until)
	if !ok || left <= 0 || !req.RecursionDesired {
		return nil
	}
	m := replyTo(req)
	m.RecursionAvailable = true
	rest := func(rr dns.RR) dns.RR {
		rr = dns.Copy(rr)
		rr.Header().Ttl = uint32((left + time.Second - 1) / time.Second)
		return rr
	}
	for _, rr := range v.rrs {
		m.Answer = append(m.Answer, rest(rr))
	}
	if len(v.rrs) == 0 {
		m.Rcode = dns.RcodeNameError
		if v.soa != nil {
			m.Ns = append(m.Ns, rest(v.soa))
		}
	}
	return m
}

// recurse answers as a recursive resolver with an empty cache does (RFC 1034, 5.3.3).
func (in *Internet) recurse(req *dns.Msg, q resolver.Question) *dns.Msg {
	m := replyTo(req)
	m.RecursionAvailable = true
	if m.Rcode != dns.RcodeSuccess {
		return m
	}
	if !req.RecursionDesired {
		m.Rcode = dns.RcodeRefused
		return m
	}
	r := recursion{in: in, left: recursionPackets, dnssec: q.DNSSEC}
	name := q.Name
	for range recursionAliases {
		got := r.iterate(name, uint16(q.Type), 0)
		if got == nil {
			m.Rcode, m.Answer, m.Ns = dns.RcodeServerFailure, nil, nil
			return m
		}
		m.Rcode = got.Rcode
		m.Answer = append(m.Answer, got.Answer...)
		m.Ns = nil
		for _, rr := range got.Ns {
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, rr)
			}
		}
		end := chase(got.Answer, name)
		if end == name || uint16(q.Type) == dns.TypeCNAME || uint16(q.Type) == dns.TypeANY || got.Rcode != dns.RcodeSuccess ||
			len(m.Ns) > 0 || slices.ContainsFunc(got.Answer, func(rr dns.RR) bool {
			n, err := nameOf(rr.Header().Name)
			return err == nil && n == end && rr.Header().Rrtype == uint16(q.Type)
		}) {
			return m
		}
		name = end
	}
	m.Rcode, m.Answer, m.Ns = dns.RcodeServerFailure, nil, nil
	return m
}

// chase follows the CNAMEs of one answer to the name they end at.
func chase(answer []dns.RR, name resolver.Name) resolver.Name {
	for range len(answer) {
		next := name
		for _, rr := range answer {
			if n, err := nameOf(rr.Header().Name); err == nil && n == name && rr.Header().Rrtype == dns.TypeCNAME {
				if to, ok := target(rr); ok {
					next = to
				}
			}
		}
		if next == name {
			break
		}
		name = next
	}
	return name
}

type recursion struct {
	in     *Internet
	left   int
	dnssec bool
}

// iterate goes from the root to the servers of a name; nil where none of them is of use.
func (r *recursion) iterate(name resolver.Name, t uint16, depth int) *dns.Msg {
	zone := resolver.Root
	var servers []netip.Addr
	for _, n := range r.in.rootServers() {
		servers = append(servers, r.in.addrs[n]...)
	}
	for {
		m, cut := r.askAll(servers, zone, name, t)
		if m == nil || cut.IsZero() {
			return m
		}
		zone, servers = cut, r.addresses(m, cut, depth)
	}
}

// askAll takes the first usable answer, or referral to a zone strictly below, of which it gives the name.
func (r *recursion) askAll(servers []netip.Addr, zone, name resolver.Name, t uint16) (*dns.Msg, resolver.Name) {
	for _, s := range servers {
		m := r.ask(s, name, t)
		if m == nil || m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
			continue
		}
		if m.Authoritative {
			return m, resolver.Name{}
		}
		for _, rr := range m.Ns {
			n, err := nameOf(rr.Header().Name)
			if err == nil && rr.Header().Rrtype == dns.TypeNS && n.Below(zone) && name.Within(n) && len(m.Answer) == 0 {
				return m, n
			}
		}
	}
	return nil, resolver.Name{}
}

func (r *recursion) ask(server netip.Addr, name resolver.Name, t uint16) *dns.Msg {
	q := resolver.Question{Name: name, Type: resolver.Type(t), Server: netip.AddrPortFrom(server, 53), DNSSEC: r.dnssec}
	for _, a := range attempts {
		if r.left--; r.left < 0 {
			return nil
		}
		req := request(q, a.edns)
		wire, err := req.Pack()
		if err != nil {
			return nil
		}
		o := r.in.exchange(q.Server, a.over, wire, false)
		m := new(dns.Msg)
		if o.wire == nil || m.Unpack(o.wire) != nil || m.Id != req.Id || len(m.Question) != 1 ||
			m.Question[0] != req.Question[0] || m.Truncated {
			continue
		}
		if m.Rcode == dns.RcodeFormatError && a.edns {
			continue
		}
		return m
	}
	return nil
}

// addresses gives those of a referral's name servers, from glue or by asking for them.
func (r *recursion) addresses(m *dns.Msg, cut resolver.Name, depth int) []netip.Addr {
	var out []netip.Addr
	var without []resolver.Name
	for _, rr := range m.Ns {
		n, ok := target(rr)
		if owner, err := nameOf(rr.Header().Name); !ok || err != nil || owner != cut {
			continue
		}
		had := len(out)
		out = append(out, addrsOf(m.Extra, n)...)
		if len(out) == had {
			without = append(without, n)
		}
	}
	for _, n := range without {
		if depth >= recursionDepth || n.Within(cut) {
			continue
		}
		for range recursionAliases {
			a := r.iterate(n, dns.TypeA, depth+1)
			if a == nil {
				break
			}
			end := chase(a.Answer, n)
			found := addrsOf(a.Answer, end)
			out = append(out, found...)
			if len(found) > 0 || end == n {
				break
			}
			n = end
		}
	}
	return out
}

func addrsOf(rrs []dns.RR, owner resolver.Name) []netip.Addr {
	var out []netip.Addr
	for _, rr := range rrs {
		if n, err := nameOf(rr.Header().Name); err != nil || n != owner {
			continue
		}
		if a, ok := addrOf(rr); ok {
			out = append(out, a)
		}
	}
	return out
}
