package dnssec_test

import (
	"crypto"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func name(s string) resolver.Name { return resolver.MustParseName(s) }

// signer signs with the wire-format library, which shares no code with the package under test.
type signer struct {
	t    testing.TB
	zone string
	key  *dns.DNSKEY
	priv crypto.Signer

	// For the next signatures; zero: as it should be.
	from, until time.Time
	signer      string
	labels      int
	spoil       bool
}

func newSigner(t testing.TB, zone string, alg uint8) *signer {
	t.Helper()
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 257, Protocol: 3, Algorithm: alg}
	bits := map[uint8]int{dns.RSASHA256: 2048, dns.RSASHA512: 2048, dns.RSASHA1: 2048, dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}[alg]
	priv, err := k.Generate(bits)
	require.NoError(t, err)
	return &signer{t: t, zone: zone, key: k, priv: priv.(crypto.Signer)}
}

func (s *signer) ds(digest uint8) string { return s.key.ToDS(digest).String() }

// set gives an RRset in zone-file lines with its signature.
func (s *signer) set(lines ...string) []resolver.RR {
	s.t.Helper()
	var rrs []dns.RR
	var out []resolver.RR
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		require.NoError(s.t, err)
		rrs = append(rrs, rr)
		out = append(out, resolver.MustParseRR(l))
	}
	return append(out, s.over(rrs...))
}

func (s *signer) over(rrs ...dns.RR) resolver.RR {
	s.t.Helper()
	from, until, by := s.from, s.until, s.signer
	if from.IsZero() {
		from = now.Add(-time.Hour)
	}
	if until.IsZero() {
		until = now.Add(14 * 24 * time.Hour)
	}
	if by == "" {
		by = s.zone
	}
	sig := &dns.RRSIG{
		Hdr: dns.RR_Header{Name: rrs[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 300}, Algorithm: s.key.Algorithm,
		KeyTag: s.key.KeyTag(), SignerName: by, Inception: uint32(from.Unix()), Expiration: uint32(until.Unix()),
	}
	require.NoError(s.t, sig.Sign(s.priv, rrs))
	if s.labels != 0 {
		sig.Labels = uint8(s.labels)
	}
	if s.spoil {
		sig.OrigTtl++
	}
	return resolver.MustParseRR(sig.String())
}

// keys gives the signed answer to a question for the zone's DNSKEY records.
func (s *signer) keys(more ...*dns.DNSKEY) resolver.Response {
	s.t.Helper()
	rrs := []dns.RR{s.key}
	for _, k := range more {
		rrs = append(rrs, k)
	}
	r := reply(s.zone, resolver.TypeDNSKEY)
	for _, rr := range rrs {
		r.Answer = append(r.Answer, resolver.MustParseRR(rr.String()))
	}
	r.Answer = append(r.Answer, s.over(rrs...))
	return r
}

func reply(owner string, t resolver.Type, answer ...resolver.RR) resolver.Response {
	return resolver.Response{Question: resolver.Question{Name: name(owner), Type: t, DNSSEC: true}, Authoritative: true, Answer: answer}
}

func denial(owner string, t resolver.Type, rcode resolver.RCode, authority ...[]resolver.RR) resolver.Response {
	r := reply(owner, t)
	r.RCode = rcode
	for _, a := range authority {
		r.Authority = append(r.Authority, a...)
	}
	return r
}

func (s *signer) anchors() dnssec.Anchors {
	s.t.Helper()
	a, err := dnssec.ParseAnchors(strings.NewReader(s.ds(dns.SHA256)))
	require.NoError(s.t, err)
	return a
}

// zone gives a secure zone that is its own anchor.
func (s *signer) secure() (dnssec.Validator, dnssec.Zone) {
	s.t.Helper()
	v := dnssec.Validator{Anchors: s.anchors(), Now: now}
	z := v.Child(dnssec.Zone{}, name(s.zone), resolver.Response{}, s.keys())
	require.Equal(s.t, dnssec.Secure, z.Status, "%v", z.Why)
	return v, z
}

// nsec3 gives an NSEC3 record for a name, from its hash (or one before it) to the next name's (or one after it).
func nsec3(zone, from, to string, before, after int, iterations uint16, salt string, optOut bool, types string) string {
	flag := 0
	if optOut {
		flag = 1
	}
	h := func(s string, delta int) string {
		b := []byte(dns.HashName(s, dns.SHA1, iterations, salt))
		const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
		for i := len(b) - 1; delta != 0 && i >= 0; i-- {
			d := strings.IndexByte(digits, b[i]) + delta
			delta = 0
			if d < 0 {
				d, delta = 31, -1
			} else if d > 31 {
				d, delta = 0, 1
			}
			b[i] = digits[d]
		}
		return string(b)
	}
	owner, next := strings.ToLower(h(from, -before)), h(to, after)
	if salt == "" {
		salt = "-"
	}
	return fmt.Sprintf("%s.%s 300 IN NSEC3 1 %d %d %s %s %s", owner, strings.TrimPrefix(zone, "."), flag, iterations, salt, next, types)
}

func codes(problems []dnssec.Problem) []dnssec.Code {
	var out []dnssec.Code
	for _, p := range problems {
		out = append(out, p.Code)
	}
	return out
}
