package dnssec_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// fake is a signed zone of a fake internet, with its chain.
type fake struct {
	in   *resolvertest.Internet
	v    dnssec.Validator
	zone dnssec.Zone
}

func newFake(t testing.TB, how string) *fake {
	t.Helper()
	in := resolvertest.MustParse("$ORIGIN example.com. ; signed " + how + `
@ MX 10 a
a A 192.0.2.1
a TXT "x"
_a79 CNAME _424.acm-validations.aws.
b CNAME a
*.w A 192.0.2.2
x.w TXT "here"
*.c CNAME a
d DNAME w
x.y.ent A 192.0.2.3
plain NS ns1.elsewhere.net.
sub NS ns1.elsewhere.net.
sub DS 1 13 2 ` + sha256 + "\n")
	anchors, err := dnssec.ParseAnchors(strings.NewReader(in.Anchors()))
	require.NoError(t, err)
	f := &fake{in: in, v: dnssec.Validator{Anchors: anchors, Now: now}}
	f.zone = f.v.Root(f.ask(t, "a.root-servers.test.", ".", resolver.TypeDNSKEY))
	f.zone = f.v.Child(f.zone, name("com."), f.ask(t, "a.root-servers.test.", "com.", resolver.TypeDS), f.ask(t, "ns1.nic.com.", "com.", resolver.TypeDNSKEY))
	f.zone = f.v.Child(f.zone, name("example.com."), f.ask(t, "ns1.nic.com.", "example.com.", resolver.TypeDS), f.of(t, "example.com.", resolver.TypeDNSKEY))
	require.Equal(t, dnssec.Secure, f.zone.Status, "%v", f.zone.Why)
	return f
}

func (f *fake) ask(t testing.TB, server, owner string, typ resolver.Type) resolver.Response {
	t.Helper()
	addrs := f.in.Addrs(name(server))
	require.NotEmpty(t, addrs, "%s", server)
	r, err := f.in.Resolve(t.Context(), resolver.Question{Name: name(owner), Type: typ, Server: netip.AddrPortFrom(addrs[0], 53), DNSSEC: true})
	require.NoError(t, err)
	return r
}

func (f *fake) of(t testing.TB, owner string, typ resolver.Type) resolver.Response {
	t.Helper()
	return f.ask(t, "ns1.example.com.", owner, typ)
}

// questions are asked of the fake's zone: data, denials of all kinds, aliases, wildcards, delegations.
func questions() (out []resolver.Question) {
	for _, n := range []string{
		"example.com.", "a.example.com.", "_a79.example.com.", "b.example.com.", "q.w.example.com.", "x.w.example.com.", "y.x.w.example.com.", "w.example.com.",
		"q.c.example.com.", "q.d.example.com.", "ent.example.com.", "y.ent.example.com.", "nothing.example.com.", "nothing.at.all.example.com.", "zzz.example.com.",
		"plain.example.com.", "x.plain.example.com.", "sub.example.com.", "a.a.example.com.", "*.w.example.com.",
	} {
		for _, t := range []resolver.Type{resolver.TypeA, resolver.TypeCNAME, resolver.TypeTXT, resolver.TypeDS, resolver.TypeANY} {
			if n != "example.com." || t != resolver.TypeDS { // which is not the zone's
				out = append(out, resolver.Question{Name: name(n), Type: t, DNSSEC: true})
			}
		}
	}
	return out
}

// sound fails where a judgement is Secure and untrue.
func sound(t testing.TB, got dnssec.Result, claimed, truth resolver.Response, want dnssec.Result) {
	t.Helper()
	if got.Status != dnssec.Secure {
		require.NotEmpty(t, got.Why)
		return
	}
	q := truth.Question
	require.NotEmpty(t, got.Verified)
	if got.Meaning == resolver.Refers {
		return // its DS records are true, and more it does not say
	}
	require.Equal(t, want.Meaning, got.Meaning, "%s: %v\n%v", q, claimed.Answer, claimed.Authority)
	if got.Meaning == resolver.Answers {
		for _, typ := range []resolver.Type{q.Type, resolver.TypeCNAME} { // of ANY a server may give any (RFC 8482)
			a, b := claimed.RRs(q.Name, typ), truth.RRs(q.Name, typ)
			require.Equal(t, len(b), len(a), "%s", q)
			for i := range a {
				require.Equal(t, b[i].RDATA, a[i].RDATA, "%s", q)
			}
		}
	}
}

// Whatever true answers of a zone are told again for other questions, mixed and cut down, Secure is never a lie.
func TestSecureIsNeverUntrue(t *testing.T) {
	for _, how := range []string{"nsec", "nsec3", "nsec3 opt-out", "compact"} {
		t.Run(how, func(t *testing.T) {
			f := newFake(t, "15 "+how) // the quickest to verify
			qs := questions()
			var truths []resolver.Response
			var wants []dnssec.Result
			for _, q := range qs {
				r := f.of(t, q.Name.String(), q.Type)
				want := f.v.Answer(f.zone, r)
				if want.Status != dnssec.Insecure {
					require.Equal(t, dnssec.Secure, want.Status, "%s: %v", q, want.Why)
				}
				truths, wants = append(truths, r), append(wants, want)
			}
			judged := 0
			for i, q := range qs {
				for k := i % 9; k < len(qs); k += 9 {
					for _, rcode := range []resolver.RCode{resolver.NoError, resolver.NXDomain} {
						other, third := truths[k], truths[(k*7+i)%len(truths)]
						for _, claim := range []resolver.Response{
							{Answer: other.Answer, Authority: other.Authority},
							{Authority: append(append([]resolver.RR(nil), other.Authority...), third.Authority...)},
							{Answer: truths[i].Answer, Authority: other.Authority},
							{Answer: retold(other.Answer, q.Name), Authority: other.Authority},
						} {
							claim.Question, claim.RCode, claim.Authoritative = truths[i].Question, rcode, true
							sound(t, f.v.Answer(f.zone, claim), claim, truths[i], wants[i])
							judged++
						}
					}
				}
			}
			assert.Greater(t, judged, 5000)
		})
	}
}

// retold puts every record under one owner, as if a wildcard had made them.
func retold(rrs []resolver.RR, owner resolver.Name) (out []resolver.RR) {
	for _, rr := range rrs {
		rr.Name = owner
		out = append(out, rr)
	}
	return out
}

// CVE-2023-50387: many keys of one tag, many signatures by that tag. Swapping two words of a key leaves its tag as it is
// (RFC 4034, appendix B: a sum).
func TestKeyTrapIsBounded(t *testing.T) {
	s := newSigner(t, "test.", dns.ED25519)
	public, err := base64.StdEncoding.DecodeString(s.key.PublicKey)
	require.NoError(t, err)
	var twins []*dns.DNSKEY
	for i := range 15 {
		for j := range i {
			k := *s.key
			b := append([]byte(nil), public...)
			b[2*i], b[2*i+1], b[2*j], b[2*j+1] = b[2*j], b[2*j+1], b[2*i], b[2*i+1]
			k.PublicKey = base64.StdEncoding.EncodeToString(b)
			if k.KeyTag() == s.key.KeyTag() && len(twins) < 60 {
				twins = append(twins, &k)
			}
		}
	}
	require.Len(t, twins, 60)
	v := dnssec.Validator{Anchors: s.anchors(), Now: now}
	z := v.Child(dnssec.Zone{}, name("test."), resolver.Response{}, s.keys(twins...))
	require.Equal(t, dnssec.Secure, z.Status, "the one that the anchor names is the only one to be tried: %v", z.Why)
	require.Equal(t, 1, z.Work.Signatures)

	r := reply("a.test.", resolver.TypeA, s.set("a.test. 300 IN A 192.0.2.1")[0])
	for i := range 100 {
		sig := s.set("a.test. 300 IN A 192.0.2.99")[1]
		sig.RDATA = sig.RDATA[:len(sig.RDATA)-1] + string(rune(i))
		r.Answer = append(r.Answer, sig)
	}
	got := v.Answer(z, r)
	assert.Equal(t, dnssec.Indeterminate, got.Status)
	assert.Equal(t, []dnssec.Code{dnssec.TooMuchWork}, codes(got.Why))
	assert.LessOrEqual(t, got.Work.Signatures, 8)

	r = denial("a.test.", resolver.TypeA, resolver.NXDomain)
	for i := range 200 {
		r.Authority = append(r.Authority, s.set(fmt.Sprintf("n%d.test. 300 IN NSEC o%d.test. A", i, i))...)
	}
	got = v.Answer(z, r)
	assert.NotEqual(t, dnssec.Secure, got.Status)
	assert.LessOrEqual(t, got.Work.Signatures, 64)
}

// CVE-2023-50868: a long name and many iterations.
func TestNSEC3WorkIsBounded(t *testing.T) {
	s := newSigner(t, "test.", dns.ED25519)
	v, z := s.secure()
	v.Iterations = 65535
	long := strings.Repeat("a.", 120) + "test."
	r := denial(long, resolver.TypeA, resolver.NXDomain, s.set(nsec3("test.", "test.", "test.", 0, 1, 2500, strings.Repeat("ab", 100), false, "SOA")))
	got := v.Answer(z, r)
	assert.Equal(t, dnssec.Indeterminate, got.Status)
	assert.Equal(t, []dnssec.Code{dnssec.TooMuchWork}, codes(got.Why))
	assert.LessOrEqual(t, got.Work.Hashes, 20000)
}

func FuzzAnswer(f *testing.F) {
	kinds := []string{"nsec", "nsec3", "compact"}
	var fakes []*fake
	for k, how := range kinds {
		x := newFake(f, "15 "+how)
		fakes = append(fakes, x)
		for i, q := range questions() {
			r := x.of(f, q.Name.String(), q.Type)
			m := new(dns.Msg)
			m.SetQuestion(q.Name.String(), uint16(q.Type))
			m.Response, m.Authoritative, m.Rcode, m.Compress = true, true, int(r.RCode), true
			for _, s := range []struct {
				from []resolver.RR
				to   *[]dns.RR
			}{{r.Answer, &m.Answer}, {r.Authority, &m.Ns}} {
				for _, rr := range s.from {
					y, err := dns.NewRR(rr.String())
					require.NoError(f, err)
					*s.to = append(*s.to, y)
				}
			}
			wire, err := m.Pack()
			require.NoError(f, err)
			f.Add(byte(k), byte(i), wire)
		}
	}
	qs := questions()
	f.Fuzz(func(t *testing.T, k, i byte, wire []byte) {
		x, q := fakes[int(k)%len(fakes)], qs[int(i)%len(qs)]
		claim, err := resolver.ParseMessage(q, wire)
		if err != nil {
			return
		}
		got := x.v.Answer(x.zone, claim)
		require.LessOrEqual(t, got.Work.Signatures, 64)
		require.LessOrEqual(t, got.Work.Hashes, 20000)
		for _, p := range got.Why {
			require.NotEmpty(t, p.String())
		}
		truth := x.of(t, q.Name.String(), q.Type)
		sound(t, got, claim, truth, x.v.Answer(x.zone, truth))
		child := x.v.Child(x.zone, q.Name, claim, claim)
		require.NotEqual(t, dnssec.Status(""), child.Status)
	})
}
