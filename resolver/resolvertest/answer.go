package resolvertest

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// host is one address and the zones that are served there.
type host struct {
	addr     netip.Addr
	names    []resolver.Name
	zones    map[resolver.Name]*zone
	recursor bool
	memory   map[memoryKey]memory // of a recursor
	views    []View               // of a recursor
}

// The sizes of a datagram: without EDNS (RFC 1035, 4.2.1), and what no path splits (RFC 9715, 3.1).
const (
	plainUDP = 512
	ednsUDP  = 1232
)

// habits are where servers depart from RFC 1034, 4.3.2, each in its own way.
type habits struct {
	cnameFirst bool // a CNAME is preferred to the data beside it
	deepestCut bool // of several cuts on the way the deepest is referred to, not the first (Route 53 is said to)
}

// reply makes the answer that a name server at h gives, as RFC 1034, 4.3.2 says but for its habits.
func (h *host) reply(req *dns.Msg, its habits) *dns.Msg {
	m := replyTo(req)
	if m.Rcode != dns.RcodeSuccess {
		return m
	}
	q := req.Question[0]
	name, err := nameOf(q.Name)
	if err != nil {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	z := h.zoneFor(name, q.Qtype)
	if z == nil || q.Qclass != dns.ClassINET || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		m.Rcode = dns.RcodeRefused
		return m
	}
	opt := req.IsEdns0()
	w := &walk{m: m, z: z, t: q.Qtype, dnssec: opt != nil && opt.Do(), habits: its}
	w.find(name)
	return m
}

// replyTo makes the frame of an answer: the question, and OPT where there was one (RFC 6891, 6.1.1). Its RCODE is set
// where the question cannot be answered by anybody.
func replyTo(req *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.Id, m.Response, m.Opcode = req.Id, true, req.Opcode
	m.RecursionDesired, m.CheckingDisabled, m.Question = req.RecursionDesired, req.CheckingDisabled, req.Question
	m.Compress = true
	if opt := req.IsEdns0(); opt != nil {
		m.SetEdns0(ednsUDP, opt.Do())
		if opt.Version() != 0 {
			m.Rcode = dns.RcodeBadVers
			return m
		}
	}
	switch {
	case req.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
	case len(req.Question) != 1:
		m.Rcode = dns.RcodeFormatError
	}
	return m
}

// zoneFor gives the closest enclosing zone. The DS records of a zone are in its parent, if that is here (RFC 4035, 3.1.4.1).
func (h *host) zoneFor(name resolver.Name, t uint16) *zone {
	deepest := func(n resolver.Name) *zone {
		for ; !n.IsZero(); n = n.Parent() {
			if z := h.zones[n]; z != nil {
				return z
			}
		}
		return nil
	}
	z := deepest(name)
	if t == dns.TypeDS && z != nil && z.name == name {
		if p := deepest(name.Parent()); p != nil {
			return p
		}
	}
	return z
}

// walk is one search in one zone, through aliases.
type walk struct {
	m      *dns.Msg
	z      *zone
	t      uint16
	dnssec bool
	habits
	seen []resolver.Name // the names searched so far, against loops of aliases
}

func (w *walk) find(name resolver.Name) {
	if slices.Contains(w.seen, name) {
		return
	}
	first := len(w.seen) == 0
	w.seen = append(w.seen, name)
	if w.deepestCut {
		for n := name; n != w.z.name; n = n.Parent() {
			if len(w.z.get(n, dns.TypeNS)) > 0 && (n != name || w.t != dns.TypeDS) {
				w.refer(n, first)
				return
			}
		}
	}
	for depth := w.z.name.NumLabels(); depth <= name.NumLabels(); depth++ {
		n := name.Ancestor(depth)
		if n != w.z.name && len(w.z.get(n, dns.TypeNS)) > 0 && (n != name || w.t != dns.TypeDS) {
			w.refer(n, first)
			return
		}
		if dname := w.z.get(n, dns.TypeDNAME); n != name && len(dname) > 0 {
			w.m.Authoritative = true
			w.redirect(name, n, dname)
			return
		}
	}
	w.m.Authoritative = true
	if w.z.has(name) {
		w.at(name, name)
		return
	}
	encloser, _ := w.z.encloser(name)
	// RFC 4592, 3.3.1: the source of synthesis is the asterisk label below the closest encloser, and no other.
	if source, ok := encloser.Child("*"); ok && w.z.has(source) {
		w.at(source, name)
		return
	}
	w.m.Rcode = dns.RcodeNameError // also at the end of aliases (RFC 6604, 3)
	w.negative()
	w.denyName(name)
}

// at answers from the node source for the owner name.
func (w *walk) at(source, name resolver.Name) {
	sets := w.z.rrsets[source]
	cname := sets[dns.TypeCNAME]
	switch {
	case w.t == dns.TypeANY && len(sets) > 0:
		for _, t := range slices.Sorted(maps.Keys(sets)) {
			w.answer(name, sets[t])
			if w.z.signs() {
				w.sign(&w.m.Answer, source, name, t)
			}
		}
	case len(cname) > 0 && w.t != dns.TypeCNAME && (w.cnameFirst || len(sets[w.t]) == 0):
		w.answer(name, cname)
		w.sign(&w.m.Answer, source, name, dns.TypeCNAME)
		if to, ok := target(cname[0]); ok && len(cname) == 1 && to.Within(w.z.name) {
			w.find(to)
		}
	case len(sets[w.t]) > 0:
		w.answer(name, sets[w.t])
		w.sign(&w.m.Answer, source, name, w.t)
		if w.t == dns.TypeNS {
			w.glue(sets[w.t])
		}
	default:
		w.negative()
		w.denyType(source, name)
		return
	}
	if source != name {
		w.denyCloser(name)
	}
}

// answer adds records, under the name asked for where a wildcard brought them.
func (w *walk) answer(name resolver.Name, rrs []dns.RR) {
	for _, rr := range rrs {
		if owner, err := nameOf(rr.Header().Name); err == nil && owner != name {
			rr = dns.Copy(rr)
			rr.Header().Name = name.String()
		}
		w.m.Answer = append(w.m.Answer, rr)
	}
}

// sign adds the signatures of an RRset where they are wanted and given.
func (w *walk) sign(section *[]dns.RR, source, name resolver.Name, t uint16) {
	if !w.dnssec {
		return
	}
	if w.z.signs() {
		owner := source
		if w.z.signing.denial == byCompact {
			owner = name
		}
		for _, rr := range w.z.signatures(owner, w.z.get(source, t)) {
			if owner != name {
				rr = dns.Copy(rr)
				rr.Header().Name = name.String()
			}
			*section = append(*section, rr)
		}
		return
	}
	for _, rr := range w.z.get(source, dns.TypeRRSIG) {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == t {
			if source != name {
				rr = dns.Copy(rr)
				rr.Header().Name = name.String()
			}
			*section = append(*section, rr)
		}
	}
}

// refer gives the delegation at a cut, the DS RRset where signatures are wanted (RFC 4035, 3.1.4), and glue. AA stands for
// the first owner in the answer: at the end of an alias it stays (RFC 1035, 4.1.1).
func (w *walk) refer(cut resolver.Name, first bool) {
	w.m.Authoritative = !first
	ns := w.z.get(cut, dns.TypeNS)
	w.m.Ns = append(w.m.Ns, ns...)
	if w.dnssec {
		w.m.Ns = append(w.m.Ns, w.z.get(cut, dns.TypeDS)...)
		w.sign(&w.m.Ns, cut, cut, dns.TypeDS)
		if len(w.z.get(cut, dns.TypeDS)) == 0 {
			w.denyDS(cut)
		}
	}
	w.glue(ns)
}

// glue adds the addresses of name servers as far as this zone holds them, with or without authority.
func (w *walk) glue(ns []dns.RR) {
	var glue []dns.RR
	for _, rr := range ns {
		n, ok := target(rr)
		if !ok {
			continue
		}
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			glue = append(glue, w.z.get(n, t)...)
		}
	}
	w.m.Extra = append(glue, w.m.Extra...) // OPT stays last, where most servers put it
}

// redirect applies a DNAME (RFC 6672, 3.2 C): the DNAME, the CNAME made of it (3.1: with its TTL), and what that leads to.
func (w *walk) redirect(name, owner resolver.Name, dname []dns.RR) {
	w.m.Answer = append(w.m.Answer, dname...)
	w.sign(&w.m.Answer, owner, owner, dns.TypeDNAME)
	base, ok := target(dname[0])
	if !ok {
		return
	}
	prefix, _ := name.TrimSuffix(owner)
	to, ok := prefix.Under(base)
	if !ok {
		w.m.Rcode = dns.RcodeYXDomain
		return
	}
	h := header(name, dns.TypeCNAME, dname[0].Header().Ttl)
	w.m.Answer = append(w.m.Answer, &dns.CNAME{Hdr: h, Target: to.String()})
	// Asked for a CNAME, BIND 9.18, NSD 4.6 and Knot 3.2 stop at the one they have made (measured on loopback), though step C
	// reads as if the search went on.
	if w.t != dns.TypeCNAME && w.t != dns.TypeANY && to.Within(w.z.name) {
		w.find(to)
	}
}

// negative adds the SOA, with the TTL for which its absence may be remembered (RFC 2308, 3).
func (w *walk) negative() {
	for _, rr := range w.z.get(w.z.name, dns.TypeSOA) {
		if soa, ok := dns.Copy(rr).(*dns.SOA); ok {
			soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
			w.m.Ns = append(w.m.Ns, soa)
			w.sign(&w.m.Ns, w.z.name, w.z.name, dns.TypeSOA)
			return
		}
	}
}

// fit empties a message that is too long for its datagram and sets TC: what is cut off is of no use, and a resolver must
// ask again over TCP (RFC 2181, 9; RFC 9471, 3.1).
func fit(m *dns.Msg, req *dns.Msg) *dns.Msg {
	size := plainUDP
	if opt := req.IsEdns0(); opt != nil {
		size = max(plainUDP, min(int(opt.UDPSize()), ednsUDP))
	}
	if m.Len() <= size {
		return m
	}
	return truncated(m)
}

func truncated(m *dns.Msg) *dns.Msg {
	short := *m
	short.Truncated, short.Answer, short.Ns, short.Extra = true, nil, nil, nil
	if opt := m.IsEdns0(); opt != nil {
		short.Extra = []dns.RR{opt}
	}
	return &short
}
