package simnet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// set is records in wire form, uncompressed, and apart from them what is sent only to who asks for DNSSEC.
type set struct {
	wire []byte
	n    int
	sigs []byte
	nsig int
}

// key is the one key of a zone, which signs its keys and its data.
type key struct {
	public  *dns.DNSKEY
	private crypto.Signer
}

// newKey makes a P-256 key from a number: the same world has the same keys. They are worth nothing.
func newKey(zone string, seed uint64) key {
	d := new(big.Int).SetUint64(seed | 1)
	d.Add(d.Lsh(d, 128), big.NewInt(int64(len(zone))+7))
	curve := elliptic.P256()
	private, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, 32)))
	if err != nil {
		panic(err) // the number is below the order of the curve
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return key{&dns.DNSKEY{
		Hdr: header(zone, dns.TypeDNSKEY, 86400), Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
		PublicKey: base64.StdEncoding.EncodeToString(point[1:]),
	}, private}
}

func (k key) of(zone string) key {
	public := *k.public
	public.Hdr = header(zone, dns.TypeDNSKEY, 86400)
	return key{&public, k.private}
}

func (k key) ds() *dns.DS {
	ds := k.public.ToDS(dns.SHA256)
	ds.Hdr.Ttl = 86400
	return ds
}

func header(owner string, t uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
}

// sign gives the records with their signature, valid for a month around now.
func (k key) sign(now time.Time, rrs ...dns.RR) set {
	s := plain(rrs...)
	sig := &dns.RRSIG{
		Hdr: header(rrs[0].Header().Name, dns.TypeRRSIG, rrs[0].Header().Ttl), Algorithm: k.public.Algorithm, KeyTag: k.public.KeyTag(),
		SignerName: k.public.Hdr.Name, Inception: uint32(now.Add(-15 * 24 * time.Hour).Unix()), Expiration: uint32(now.Add(15 * 24 * time.Hour).Unix()),
	}
	if err := sig.Sign(k.private, rrs); err != nil {
		panic(fmt.Sprintf("simnet: sign %s: %v", rrs[0].Header().Name, err))
	}
	p := plain(sig)
	s.sigs, s.nsig = p.wire, p.n
	return s
}

// denial gives records that are sent only to who asks for DNSSEC, with their signatures.
func (k key) denial(now time.Time, rrs ...dns.RR) set {
	var out set
	for _, rr := range rrs {
		s := k.sign(now, rr)
		out.sigs = append(append(out.sigs, s.wire...), s.sigs...)
		out.nsig += s.n + s.nsig
	}
	return out
}

func plain(rrs ...dns.RR) (s set) {
	buf := make([]byte, 4096)
	for _, rr := range rrs {
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			panic(fmt.Sprintf("simnet: pack %s: %v", rr, err))
		}
		s.wire = append(s.wire, buf[:end]...)
		s.n++
	}
	return s
}

func (s set) and(t set) set {
	return set{append(slices.Clip(s.wire), t.wire...), s.n + t.n, append(slices.Clip(s.sigs), t.sigs...), s.nsig + t.nsig}
}

func rr(format string, args ...any) dns.RR {
	r, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil {
		panic(fmt.Sprintf("simnet: %v", err))
	}
	return r
}

// apex is what a signed zone answers about itself.
type apex struct {
	soa, ns, keys set
	noData        set // the SOA and the proof that the apex has no other types
}

// tld is a top-level domain, or the root, which is kept as one.
type tld struct {
	name string
	key  key
	apex
	glue  set
	chain []*span // NSEC3, ascending
}

// span is one NSEC3 record: from its owner's hash to the next.
type span struct {
	hash  string
	owner string
	bits  []uint16
	once  sync.Once
	set   set
}

func soaOf(zone string) dns.RR {
	return rr("%s 900 IN SOA ns.%s hostmaster.%s 1 7200 900 1209600 300", zone, strings.TrimPrefix(zone, "."), strings.TrimPrefix(zone, "."))
}

func nsec3Hash(name string) string { return dns.HashName(name, dns.SHA1, 0, "") }

// newTLD signs a top-level domain's own records and lays out its chain: the apex, and the delegations that are signed.
func (w *served) newTLD(number int) *tld {
	name := w.tldName(number)
	t := &tld{name: name, key: newKey(name, w.hash(number, 8))}
	a, b := "a.nic."+name, "b.nic."+name
	t.soa = t.key.sign(w.now, soaOf(name))
	t.ns = t.key.sign(w.now, rr("%s 172800 IN NS %s", name, a), rr("%s 172800 IN NS %s", name, b))
	t.keys = t.key.sign(w.now, t.key.public)
	t.glue = plain(rr("%s 172800 IN A %s", a, tldAddr(number, 0)), rr("%s 172800 IN A %s", b, tldAddr(number, 1)))
	add := func(owner string, bits ...uint16) {
		t.chain = append(t.chain, &span{hash: nsec3Hash(owner), owner: owner, bits: bits})
	}
	add(name, dns.TypeNS, dns.TypeSOA, dns.TypeRRSIG, dns.TypeDNSKEY, dns.TypeNSEC3PARAM)
	if number != w.hostsTLD() {
		for i := number; i < w.Domains; i += w.tlds() {
			if w.IsSigned(i) {
				add(w.Name(i), dns.TypeNS, dns.TypeDS, dns.TypeRRSIG)
			}
		}
	}
	slices.SortFunc(t.chain, func(x, y *span) int { return strings.Compare(x.hash, y.hash) })
	t.noData = t.soa.and(t.match(w, name))
	return t
}

// match gives the NSEC3 record of a name that is in the chain.
func (t *tld) match(w *served, name string) set { return t.at(w, t.find(nsec3Hash(name))) }

// find gives the span that begins at a hash or covers it.
func (t *tld) find(hash string) int {
	i, found := slices.BinarySearchFunc(t.chain, hash, func(s *span, h string) int { return strings.Compare(s.hash, h) })
	if found {
		return i
	}
	return (i - 1 + len(t.chain)) % len(t.chain)
}

func (t *tld) at(w *served, i int) set {
	s := t.chain[i]
	s.once.Do(func() {
		s.set = t.key.denial(w.now, &dns.NSEC3{
			Hdr: header(strings.ToLower(s.hash)+"."+t.name, dns.TypeNSEC3, 900), Hash: dns.SHA1, Flags: 1,
			HashLength: 20, NextDomain: t.chain[(i+1)%len(t.chain)].hash, TypeBitMap: s.bits,
		})
	})
	return s.set
}

// absence proves that there is no signed delegation of name: the apex is the closest encloser, and the span that covers
// name is opted out (RFC 5155, 7.2.7). The owner of the second record may be the first.
func (t *tld) absence(w *served, name string) set {
	encloser, covering := t.find(nsec3Hash(t.name)), t.find(nsec3Hash(name))
	if encloser == covering {
		return t.at(w, encloser)
	}
	return t.at(w, encloser).and(t.at(w, covering))
}

// domain is a signed domain: all of its answers, signed once.
type domain struct {
	apex
	ds     set // for the parent
	cname  set
	caa    set // empty where there is none
	www    set
	denied [3]set // the SOA, and the NSEC records of the apex, of the record's name (which may be missing) and of www
	record string // the record's name in lower case; empty where it is missing
}

func (w *served) newDomain(i int) *domain {
	name := w.Name(i)
	k := w.domainKey.of(name)
	parent := w.zones[i%w.tlds()]
	d := &domain{ds: parent.key.sign(w.now, k.ds())}
	d.keys = k.sign(w.now, k.public)
	d.soa = k.sign(w.now, soaOf(name))
	var ns []dns.RR
	for n := range 2 {
		ns = append(ns, rr("%s 3600 IN NS ns%d.h%d.dns.", name, n+1, w.hostOf(i)))
	}
	d.ns = k.sign(w.now, ns...)
	bits := []uint16{dns.TypeNS, dns.TypeSOA, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeDNSKEY}
	if w.hasCAA(i) {
		d.caa = k.sign(w.now, rr("%s 300 IN CAA 0 issue %q", name, w.issuer(i)))
		bits = append(bits, dns.TypeCAA)
	}
	d.www = k.sign(w.now, rr("www.%s 300 IN A 192.0.2.80", name))
	nsec := func(owner, next string, bits ...uint16) set {
		return k.denial(w.now, &dns.NSEC{Hdr: header(owner, dns.TypeNSEC, 300), NextDomain: next, TypeBitMap: bits})
	}
	www := "www." + name
	d.denied[2] = nsec(www, name, dns.TypeA, dns.TypeRRSIG, dns.TypeNSEC)
	first := www
	if w.Kind(i) != Missing {
		record, value := w.Record(i)
		d.record, first = record, record
		d.cname = k.sign(w.now, rr("%s 300 IN CNAME %s", record, value))
		d.denied[1] = nsec(record, www, dns.TypeCNAME, dns.TypeRRSIG, dns.TypeNSEC)
	}
	d.denied[0] = nsec(name, first, bits...)
	d.noData = d.soa.and(d.denied[0])
	return d
}

// absence proves that a name of one label below the apex does not exist, and no wildcard either.
func (d *domain) absence(label string) set {
	s := d.noData // "*" sorts before whatever else there is below the apex
	switch {
	case label > "www":
		return s.and(d.denied[2])
	case d.record != "" && label > d.record[:len("_")+32]:
		return s.and(d.denied[1])
	}
	return s
}

func (w *served) issuer(i int) string {
	if w.Kind(i) == Forbidden {
		return "letsencrypt.org"
	}
	return "amazon.com"
}

// root is the root zone, with plain NSEC as it has.
type root struct {
	key key
	apex
	names  []string // of the top-level domains, ascending
	refer  map[string]set
	glue   map[string]set
	ds     map[string]set
	denied []set // by NSEC: the apex, then the names
}

func (w *served) newRoot() *root {
	r := &root{key: newKey(".", w.hash(0, 9)), refer: map[string]set{}, glue: map[string]set{}, ds: map[string]set{}}
	r.soa = r.key.sign(w.now, soaOf("."))
	r.ns = r.key.sign(w.now, rr(". 518400 IN NS a.root."), rr(". 518400 IN NS b.root."))
	r.keys = r.key.sign(w.now, r.key.public)
	for _, t := range w.zones {
		r.names = append(r.names, t.name)
		r.refer[t.name] = plain(rr("%s 172800 IN NS a.nic.%s", t.name, t.name), rr("%s 172800 IN NS b.nic.%s", t.name, t.name))
		r.glue[t.name] = t.glue
		r.ds[t.name] = r.key.sign(w.now, t.key.ds())
	}
	slices.Sort(r.names)
	owners := append([]string{"."}, r.names...)
	for i, owner := range owners {
		bits := []uint16{dns.TypeNS, dns.TypeDS, dns.TypeRRSIG, dns.TypeNSEC}
		if i == 0 {
			bits = []uint16{dns.TypeNS, dns.TypeSOA, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeDNSKEY}
		}
		r.denied = append(r.denied, r.key.denial(w.now, &dns.NSEC{
			Hdr: header(owner, dns.TypeNSEC, 86400), NextDomain: owners[(i+1)%len(owners)], TypeBitMap: bits,
		}))
	}
	r.noData = r.soa.and(r.denied[0])
	return r
}

// absence proves that a top-level domain does not exist.
func (r *root) absence(name string) set {
	i, _ := slices.BinarySearch(r.names, name)
	if i == 0 {
		return r.noData
	}
	return r.noData.and(r.denied[i])
}
