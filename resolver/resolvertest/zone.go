package resolvertest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// zone is one copy of a zone. Its RRsets are replaced, never changed, so that an answer may hold on to them.
type zone struct {
	name   resolver.Name
	rrsets map[resolver.Name]map[uint16][]dns.RR
	// nodes counts the RRsets at and below a name, so that an empty non-terminal is a name that is here (RFC 8020, 2).
	nodes map[resolver.Name]int

	on          []holder // the servers of this copy, as the text names them; empty: the zone's own NS
	undelegated bool
	asGiven     bool
	synthetic   bool // not of the text: a TLD, the root, the zone of somebody's name servers
	line        int

	signing signing
	moment  *time.Time          // the Internet's
	made    map[signed][]dns.RR // signatures over what is here now
	links   []link              // the chain of NSEC or NSEC3 records for what is here now
}

// holder is a server as a text names it: by name or by address.
type holder struct {
	name resolver.Name
	addr string
}

func newZone(name resolver.Name) *zone {
	return &zone{
		name: name, rrsets: map[resolver.Name]map[uint16][]dns.RR{}, nodes: map[resolver.Name]int{},
		signing: signing{algorithm: dns.ECDSAP256SHA256, denial: byNSEC},
	}
}

func (z *zone) get(owner resolver.Name, t uint16) []dns.RR { return z.rrsets[owner][t] }

func (z *zone) has(owner resolver.Name) bool { return z.nodes[owner] > 0 }

// set replaces an RRset; no records delete it.
func (z *zone) set(owner resolver.Name, t uint16, rrs []dns.RR) {
	z.made, z.links = nil, nil
	_, had := z.rrsets[owner][t]
	if len(rrs) == 0 {
		delete(z.rrsets[owner], t)
		if len(z.rrsets[owner]) == 0 {
			delete(z.rrsets, owner)
		}
	} else {
		if z.rrsets[owner] == nil {
			z.rrsets[owner] = map[uint16][]dns.RR{}
		}
		z.rrsets[owner][t] = rrs
	}
	delta := 0
	switch has := len(rrs) > 0; {
	case has && !had:
		delta = 1
	case had && !has:
		delta = -1
	}
	for n := owner; delta != 0; n = n.Parent() {
		z.nodes[n] += delta
		if z.nodes[n] == 0 {
			delete(z.nodes, n)
		}
		if n == z.name {
			break
		}
	}
}

// add puts a record into its RRset, once (RFC 2181, 5).
func (z *zone) add(owner resolver.Name, rr dns.RR) {
	t := rr.Header().Rrtype
	old := z.get(owner, t)
	if slices.ContainsFunc(old, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
		return
	}
	z.set(owner, t, append(slices.Clip(old), rr))
}

// owners gives the names that have records, in canonical order.
func (z *zone) owners() []resolver.Name {
	return slices.SortedFunc(maps.Keys(z.rrsets), resolver.Name.Compare)
}

// cuts gives the delegations in this copy, in canonical order.
func (z *zone) cuts() []resolver.Name {
	var out []resolver.Name
	for _, n := range z.owners() {
		if n != z.name && len(z.get(n, dns.TypeNS)) > 0 {
			out = append(out, n)
		}
	}
	return out
}

// targets gives the names of an NS RRset in the order of the text.
func (z *zone) targets(owner resolver.Name) []resolver.Name {
	var out []resolver.Name
	for _, rr := range z.get(owner, dns.TypeNS) {
		if n, ok := target(rr); ok {
			out = append(out, n)
		}
	}
	return out
}

func (z *zone) records() []dns.RR {
	var out []dns.RR
	for _, n := range z.owners() {
		for _, t := range slices.Sorted(maps.Keys(z.rrsets[n])) {
			out = append(out, z.rrsets[n][t]...)
		}
	}
	return out
}

// target gives the name an NS, CNAME or DNAME record points to.
func target(rr dns.RR) (resolver.Name, bool) {
	var s string
	switch rr := rr.(type) {
	case *dns.NS:
		s = rr.Ns
	case *dns.CNAME:
		s = rr.Target
	case *dns.DNAME:
		s = rr.Target
	default:
		return resolver.Name{}, false
	}
	n, err := nameOf(s)
	return n, err == nil
}

// nameOf reads a name in the wire-format library's escaping.
func nameOf(s string) (resolver.Name, error) {
	buf := make([]byte, 256)
	end, err := dns.PackDomainName(dns.Fqdn(s), buf, 0, nil, false)
	if err != nil {
		return resolver.Name{}, fmt.Errorf("name %q: %w", s, err)
	}
	n, _, err := resolver.NameFromWire(buf[:end])
	return n, err
}

// newRR reads one record whose owner and RDATA are fully qualified.
func newRR(owner resolver.Name, ttl uint32, t resolver.Type, rdata string) (dns.RR, error) {
	rr, err := dns.NewRR(owner.String() + " " + strconv.FormatUint(uint64(ttl), 10) + " IN " + t.String() + " " + rdata)
	if err != nil {
		return nil, err
	}
	if rr == nil || !hasData(rr) {
		return nil, fmt.Errorf("%s record of %s has no data", t, owner)
	}
	return rr, nil
}

// hasData is false for what the library makes of a line without RDATA (a dynamic update's record).
func hasData(rr dns.RR) bool {
	buf := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return false
	}
	back, _, err := dns.UnpackRR(buf[:end], 0)
	return err == nil && back.Header().Rdlength > 0
}

// plain converts records to those of package resolver.
func plain(rrs []dns.RR) []resolver.RR {
	q := resolver.Question{Name: resolver.Root, Type: resolver.TypeA}
	var out []resolver.RR
	for _, rr := range rrs {
		m := new(dns.Msg)
		m.SetQuestion(".", dns.TypeA)
		m.Response, m.Answer = true, []dns.RR{rr}
		wire, err := m.Pack()
		if err != nil {
			continue // Parse and SetRRset let nothing in that does not pack
		}
		if r, err := resolver.ParseMessage(q, wire); err == nil {
			out = append(out, r.Answer...)
		}
	}
	return out
}
