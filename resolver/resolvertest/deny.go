package resolvertest

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/miekg/dns"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// link is an NSEC or NSEC3 record of a zone's chain.
type link struct {
	owner resolver.Name
	key   string // of NSEC3: the hash, in upper case
	rr    dns.RR
}

// chain gives the zone's NSEC (RFC 4034, 4) or NSEC3 (RFC 5155, 7.1) records in their order.
func (z *zone) chain() []link {
	if z.links == nil {
		if z.signing.denial == byNSEC3 {
			z.links = z.nsec3Chain()
		} else {
			z.links = z.nsecChain()
		}
	}
	return z.links
}

// authoritative gives the names that signatures speak of: not what lies below a cut or a DNAME.
func (z *zone) authoritative() []resolver.Name {
	var out []resolver.Name
	for _, n := range z.owners() {
		hidden := false
		for a := n.Parent(); !hidden && n != z.name && a.Within(z.name); a = a.Parent() {
			hidden = a != z.name && len(z.get(a, dns.TypeNS)) > 0 || len(z.get(a, dns.TypeDNAME)) > 0
		}
		if !hidden {
			out = append(out, n)
		}
	}
	return out
}

func (z *zone) cut(n resolver.Name) bool { return n != z.name && len(z.get(n, dns.TypeNS)) > 0 }

// types gives the types at a name for a bitmap, without those of the denial itself.
func (z *zone) types(n resolver.Name) []uint16 {
	if z.cut(n) {
		if len(z.get(n, dns.TypeDS)) > 0 {
			return []uint16{dns.TypeNS, dns.TypeDS}
		}
		return []uint16{dns.TypeNS}
	}
	return slices.Sorted(maps.Keys(z.rrsets[n]))
}

func bitmap(types []uint16, more ...uint16) []uint16 {
	out := append(slices.Clone(types), more...)
	slices.Sort(out)
	return slices.Compact(out)
}

// denialTTL is that of negative answers (RFC 9077).
func (z *zone) denialTTL() uint32 {
	soa := z.get(z.name, dns.TypeSOA)[0].(*dns.SOA)
	return min(soa.Hdr.Ttl, soa.Minttl)
}

func (z *zone) nsecChain() []link {
	names := z.authoritative()
	var out []link
	for i, n := range names {
		out = append(out, link{owner: n, rr: &dns.NSEC{
			Hdr: header(n, dns.TypeNSEC, z.denialTTL()), NextDomain: names[(i+1)%len(names)].String(),
			TypeBitMap: bitmap(z.types(n), dns.TypeRRSIG, dns.TypeNSEC),
		}})
	}
	return out
}

func (z *zone) hash(n resolver.Name) string {
	return dns.HashName(n.String(), dns.SHA1, z.signing.iterations, z.signing.salt)
}

func (z *zone) nsec3Chain() []link {
	s := z.signing
	at := map[resolver.Name][]uint16{}
	for _, n := range z.authoritative() {
		types := z.types(n)
		switch insecure := z.cut(n) && len(types) == 1; {
		case insecure && s.optOut:
			continue
		case insecure:
			at[n] = types
		default:
			at[n] = bitmap(types, dns.TypeRRSIG)
		}
		for e := n.Parent(); e.Within(z.name); e = e.Parent() {
			if _, ok := at[e]; !ok && len(z.rrsets[e]) == 0 {
				at[e] = nil // an empty non-terminal
			}
		}
	}
	var out []link
	flags := uint8(0)
	if s.optOut {
		flags = 1
	}
	for n, types := range at {
		key := z.hash(n)
		owner, ok := z.name.Child(strings.ToLower(key))
		if !ok {
			return nil // no signer can: the zone's name leaves no room for a hash
		}
		out = append(out, link{owner: owner, key: key, rr: &dns.NSEC3{
			Hdr: header(owner, dns.TypeNSEC3, z.denialTTL()), Hash: dns.SHA1, Flags: flags, Iterations: s.iterations,
			SaltLength: uint8(len(s.salt) / 2), Salt: s.salt, HashLength: 20, TypeBitMap: types,
		}})
	}
	slices.SortFunc(out, func(a, b link) int { return strings.Compare(a.key, b.key) })
	for i := range out {
		out[i].rr.(*dns.NSEC3).NextDomain = out[(i+1)%len(out)].key
	}
	return out
}

// before gives the link at a name or, where there is none, the one that covers it.
func (z *zone) before(n resolver.Name) link {
	c := z.chain()
	if len(c) == 0 {
		return link{}
	}
	after := func(l link) bool { return l.owner.Compare(n) > 0 }
	if z.signing.denial == byNSEC3 {
		key := z.hash(n)
		after = func(l link) bool { return l.key > key }
	}
	i := sort.Search(len(c), func(i int) bool { return after(c[i]) })
	return c[(i-1+len(c))%len(c)]
}

// prove adds links and their signatures to the authority section, each once.
func (w *walk) prove(links ...link) {
	for _, l := range links {
		if l.rr == nil || slices.Contains(w.m.Ns, l.rr) {
			continue
		}
		w.m.Ns = append(w.m.Ns, l.rr)
		w.m.Ns = append(w.m.Ns, w.z.signatures(l.owner, []dns.RR{l.rr})...)
	}
}

func (w *walk) denies() bool { return w.dnssec && w.z.signs() && !w.z.signing.noDenial }

// compact makes the one record that denies all but the given types at a name (RFC 9824, 3). NXNAME among them says that the
// name is not here.
func (w *walk) compact(name resolver.Name, types ...uint16) {
	next, ok := name.Child("\x00")
	if !ok {
		next = name
	}
	w.prove(link{owner: name, rr: &dns.NSEC{
		Hdr: header(name, dns.TypeNSEC, w.z.denialTTL()), NextDomain: next.String(), TypeBitMap: bitmap(types, dns.TypeRRSIG, dns.TypeNSEC),
	}})
}

// encloser gives the closest name above one that is here, and the next closer one below that (RFC 5155, 1.3).
func (z *zone) encloser(name resolver.Name) (encloser, closer resolver.Name) {
	encloser, closer = name.Parent(), name
	for !z.has(encloser) {
		encloser, closer = encloser.Parent(), encloser
	}
	return encloser, closer
}

// denyName proves that neither the name nor a wildcard for it is here.
func (w *walk) denyName(name resolver.Name) {
	if !w.denies() {
		return
	}
	encloser, closer := w.z.encloser(name)
	wildcard, ok := encloser.Child("*")
	if !ok {
		wildcard = closer // none that could be denied
	}
	switch w.z.signing.denial {
	case byCompact:
		w.m.Rcode = dns.RcodeSuccess
		w.compact(name, dns.TypeNXNAME)
	case byNSEC3:
		w.prove(w.z.before(encloser), w.z.before(closer), w.z.before(wildcard))
	default:
		w.prove(w.z.before(name), w.z.before(wildcard))
	}
}

// denyType proves that the name has no such records; source is the name itself or the wildcard that stands for it.
func (w *walk) denyType(source, name resolver.Name) {
	if !w.denies() {
		return
	}
	switch {
	case w.z.signing.denial == byCompact:
		w.compact(name, w.z.types(source)...)
	case source == name:
		w.denyAt(name)
	case w.z.signing.denial == byNSEC3:
		encloser, closer := w.z.encloser(name)
		w.prove(w.z.before(encloser), w.z.before(closer), w.z.before(source))
	default:
		w.prove(w.z.before(name), w.z.before(source))
	}
}

// denyAt proves what is not at a name that is here. Under opt-out it may not be in the chain: then the closest provable
// encloser is shown (RFC 5155, 7.2.4 and 7.2.7).
func (w *walk) denyAt(name resolver.Name) {
	l := w.z.before(name)
	if w.z.signing.denial != byNSEC3 || l.key == w.z.hash(name) {
		w.prove(l)
		return
	}
	closer, encloser := name, name.Parent()
	for ; encloser.Within(w.z.name); closer, encloser = encloser, encloser.Parent() {
		if e := w.z.before(encloser); e.key == w.z.hash(encloser) {
			w.prove(e, w.z.before(closer))
			return
		}
	}
}

// denyCloser proves that nothing is closer to the name than the wildcard that answered.
func (w *walk) denyCloser(name resolver.Name) {
	if !w.denies() {
		return
	}
	switch w.z.signing.denial {
	case byCompact: // signed as if it were here
	case byNSEC3:
		_, closer := w.z.encloser(name)
		w.prove(w.z.before(closer))
	default:
		w.prove(w.z.before(name))
	}
}

// denyDS proves that a cut has no DS records.
func (w *walk) denyDS(cut resolver.Name) {
	if !w.denies() {
		return
	}
	if w.z.signing.denial == byCompact {
		w.compact(cut, dns.TypeNS)
		return
	}
	w.denyAt(cut)
}
