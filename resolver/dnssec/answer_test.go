package dnssec_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

func TestAnswer(t *testing.T) {
	s := newSigner(t, "test.", dns.ECDSAP256SHA256)
	other, sub := newSigner(t, "test.", dns.ECDSAP256SHA256), newSigner(t, "sub.test.", dns.ECDSAP256SHA256)
	v, zone := s.secure()
	with := func(change func(*signer)) *signer {
		c := *s
		change(&c)
		return &c
	}
	const a = "a.test. 300 IN CNAME v.example."
	aliased := func(rrs ...resolver.RR) resolver.Response { return reply("a.test.", resolver.TypeCNAME, rrs...) }
	soa := s.set("test. 300 IN SOA a.test. b.test. 1 2 3 4 5")
	wild := func(r resolver.Response, authority ...[]resolver.RR) resolver.Response {
		r.Answer = nil
		for _, rr := range s.set("*.test. 300 IN CNAME v.example.") {
			rr.Name = name("a.test.")
			r.Answer = append(r.Answer, rr)
		}
		for _, x := range authority {
			r.Authority = append(r.Authority, x...)
		}
		return r
	}
	for _, c := range []struct {
		what string
		r    resolver.Response
		want dnssec.Status
		why  dnssec.Code
		says string
	}{
		{"signed", aliased(s.set(a)...), dnssec.Secure, "", ""},
		{"in other case and order", aliased(append(other.set(a)[1:], s.set("A.TEST. 60 IN CNAME V.example.")...)...), dnssec.Secure, "", ""},
		{"unsigned", aliased(resolver.MustParseRR(a)), dnssec.Bogus, dnssec.SignatureMissing, "a.test. CNAME is not signed, though zone test. is"},
		{"asked for without DO", bare(aliased(s.set(a)...)), dnssec.Indeterminate, dnssec.NotAsked, "without its signatures"},
		{"expired", aliased(with(func(s *signer) { s.until = now.Add(-72 * time.Hour) }).set(a)...), dnssec.Bogus, dnssec.SignatureExpired, "expired on 2026-11-21 12:00:00 UTC, 3 days ago"},
		{"expires now", aliased(with(func(s *signer) { s.until = now }).set(a)...), dnssec.Secure, "", ""},
		{"early", aliased(with(func(s *signer) { s.from = now.Add(90 * time.Second) }).set(a)...), dnssec.Bogus, dnssec.SignatureEarly, "is not valid before 2026-11-24 12:01:30 UTC, 90 seconds from now"},
		{"one expired, one good", aliased(append(with(func(s *signer) { s.until = now.Add(-time.Hour) }).set(a)[1:], s.set(a)...)...), dnssec.Secure, "", ""},
		{"altered", aliased(append(s.set(a)[1:], resolver.MustParseRR("a.test. 300 IN CNAME w.example."))...), dnssec.Bogus, dnssec.SignatureWrong, "does not match the data"},
		{"a record more", aliased(append(s.set(a), resolver.MustParseRR("a.test. 300 IN CNAME w.example."))...), dnssec.Bogus, dnssec.SignatureWrong, ""},
		{"original TTL altered", aliased(with(func(s *signer) { s.spoil = true }).set(a)...), dnssec.Bogus, dnssec.SignatureWrong, ""},
		{"by an unpublished key", aliased(other.set(a)...), dnssec.Bogus, dnssec.SignatureKey, "which is not a key of zone test."},
		{"by another zone", aliased(with(func(s *signer) { s.signer = "." }).set(a)...), dnssec.Bogus, dnssec.SignatureSigner, "is made by ., not by zone test."},
		{"too many labels", aliased(with(func(s *signer) { s.labels = 3 }).set(a)...), dnssec.Bogus, dnssec.SignatureLabels, "counts 3 labels"},
		{"a zone below", reply("a.sub.test.", resolver.TypeA, sub.set("a.sub.test. 300 IN A 192.0.2.1")...), dnssec.Indeterminate, dnssec.ZoneBelow, "is that of sub.test., a zone below test."},
		{"another zone", reply("a.other.", resolver.TypeA), dnssec.Indeterminate, dnssec.OutOfZone, ""},
		{"a referral upwards", func() resolver.Response {
			r := denial("a.test.", resolver.TypeA, resolver.NoError, []resolver.RR{resolver.MustParseRR(". 300 IN NS a.root-servers.net.")})
			r.Authoritative = false
			return r
		}(), dnssec.Indeterminate, dnssec.NoAnswer, "is no answer for a.test. A"},
		{"a recursive resolver's answer", func() resolver.Response {
			r := aliased(s.set(a)...)
			r.Authoritative, r.RecursionAvailable = false, true
			return r
		}(), dnssec.Secure, "", ""},
		{"SERVFAIL", denial("a.test.", resolver.TypeA, resolver.ServFail), dnssec.Indeterminate, dnssec.NoAnswer, ""},

		{"wildcard, NSEC", wild(aliased(), s.set("test. 300 IN NSEC b.test. SOA")), dnssec.Secure, "", ""},
		{"wildcard, NSEC3", wild(aliased(), s.set(nsec3("test.", "a.test.", "a.test.", 1, 1, 0, "", false, "A"))), dnssec.Secure, "", ""},
		{"wildcard without proof", wild(aliased()), dnssec.Bogus, dnssec.DenialMissing, "prove that a.test. does not exist"},
		{"wildcard, and the name is there", wild(aliased(), s.set("a.test. 300 IN NSEC b.test. A")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"wildcard, and its proof has expired", wild(aliased(), with(func(s *signer) { s.until = now.Add(-time.Hour) }).set("test. 300 IN NSEC b.test. SOA")), dnssec.Bogus, dnssec.SignatureExpired, "the signature over test. NSEC by"},

		{"no name, NSEC", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("test. 300 IN NSEC b.test. SOA")), dnssec.Secure, "", ""},
		{"no name, the last NSEC", denial("z.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("b.test. 300 IN NSEC test. A"), s.set("test. 300 IN NSEC b.test. SOA")), dnssec.Secure, "", ""},
		{"no name, wildcard not denied", denial("z.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("b.test. 300 IN NSEC test. A")), dnssec.Bogus, dnssec.DenialWrong, "do not prove that z.test. does not exist"},
		{"no name, and it is there", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("a.test. 300 IN NSEC b.test. A")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no name, and it is an empty non-terminal", denial("b.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("test. 300 IN NSEC a.b.test. SOA")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no name, by a delegation above", denial("a.b.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("b.test. 300 IN NSEC c.test. NS"), s.set("test. 300 IN NSEC b.test. SOA")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no name, no proof", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa), dnssec.Bogus, dnssec.DenialMissing, ""},
		{"no name, SOA unsigned", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa[:1], s.set("test. 300 IN NSEC b.test. SOA")), dnssec.Bogus, dnssec.SignatureMissing, "test. SOA is not signed"},
		{"no name, NSEC expanded from a wildcard", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa, under("!.test.", s.set("*.test. 300 IN NSEC b.test. SOA"))), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no name, NSEC3", denial("a.b.test.", resolver.TypeA, resolver.NXDomain, soa, s.set(nsec3("test.", "test.", "test.", 0, 1, 0, "", false, "SOA")), s.set(nsec3("test.", "b.test.", "b.test.", 1, 1, 0, "", false, "A")), s.set(nsec3("test.", "*.test.", "*.test.", 1, 1, 0, "", false, "A"))), dnssec.Secure, "", ""},
		{"no name, NSEC3, opt-out", denial("a.b.test.", resolver.TypeA, resolver.NXDomain, soa, s.set(nsec3("test.", "test.", "test.", 0, 1, 0, "", false, "SOA")), s.set(nsec3("test.", "b.test.", "b.test.", 1, 1, 0, "", true, "A")), s.set(nsec3("test.", "*.test.", "*.test.", 1, 1, 0, "", false, "A"))), dnssec.Insecure, dnssec.OptOut, ""},
		{"no name, NSEC3, no encloser", denial("a.b.test.", resolver.TypeA, resolver.NXDomain, soa, s.set(nsec3("test.", "b.test.", "b.test.", 1, 1, 0, "", false, "A")), s.set(nsec3("test.", "*.test.", "*.test.", 1, 1, 0, "", false, "A"))), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no name, compact", denial("a.test.", resolver.TypeA, resolver.NXDomain, soa, s.set("a.test. 300 IN NSEC \\000.a.test. RRSIG NSEC NXNAME")), dnssec.Secure, "", ""},

		{"no data, NSEC", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC b.test. A RRSIG NSEC")), dnssec.Secure, "", ""},
		{"no data, and the type is there", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC b.test. CAA")), dnssec.Bogus, dnssec.DenialWrong, "do not prove that a.test. has no CAA records"},
		{"no data, and there is an alias", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC b.test. CNAME")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no data, by the parent's side of a cut", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC b.test. NS")), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"no data, compact", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC \\000.a.test. RRSIG NSEC NXNAME")), dnssec.Secure, "", ""},
		{"no data, empty non-terminal", denial("b.test.", resolver.TypeA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC a.b.test. A")), dnssec.Secure, "", ""},
		{"no data, wildcard", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("*.test. 300 IN NSEC b.test. A")), dnssec.Secure, "", ""},
		{"no data, NSEC3", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set(nsec3("test.", "a.test.", "a.test.", 0, 1, 5, "aabb", false, "A RRSIG"))), dnssec.Secure, "", ""},
		{"no data, wildcard, NSEC3", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set(nsec3("test.", "test.", "test.", 0, 1, 0, "", false, "SOA")), s.set(nsec3("test.", "a.test.", "a.test.", 1, 1, 0, "", false, "A")), s.set(nsec3("test.", "*.test.", "*.test.", 0, 1, 0, "", false, "A"))), dnssec.Secure, "", ""},
		{"no data, too many iterations", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set(nsec3("test.", "a.test.", "a.test.", 0, 1, 51, "", false, "A"))), dnssec.Insecure, dnssec.NSEC3Iterations, ""},
		{"no data, too many iterations, signature altered", denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, with(func(s *signer) { s.spoil = true }).set(nsec3("test.", "a.test.", "a.test.", 0, 1, 51, "", false, "A"))), dnssec.Bogus, dnssec.SignatureWrong, ""},
		{"no data of a zone below", denial("a.sub.test.", resolver.TypeCAA, resolver.NoError, sub.set("sub.test. 300 IN SOA a. b. 1 2 3 4 5")), dnssec.Indeterminate, dnssec.ZoneBelow, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := v.Answer(zone, c.r)
			require.Equal(t, c.want, got.Status, "%v", got.Why)
			if c.why == "" {
				assert.Empty(t, got.Why)
				assert.NotEmpty(t, got.Verified)
				return
			}
			require.NotEmpty(t, got.Why)
			assert.Equal(t, c.why, got.Why[0].Code)
			assert.Contains(t, got.Why[0].String(), c.says)
		})
	}

	got := v.Answer(zone, wild(aliased(), s.set("test. 300 IN NSEC b.test. SOA")))
	assert.Equal(t, name("*.test."), got.Wildcard)
	got = v.Answer(zone, denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("*.test. 300 IN NSEC b.test. A")))
	assert.Equal(t, name("*.test."), got.Wildcard)
	assert.Equal(t, resolver.NoData, got.Meaning)
	got = v.Answer(zone, denial("a.test.", resolver.TypeCAA, resolver.NoError, soa, s.set("a.test. 300 IN NSEC \\000.a.test. RRSIG NSEC NXNAME")))
	assert.Equal(t, resolver.NoSuchName, got.Meaning, "compact denial says NOERROR and means NXDOMAIN")
	got = v.Answer(zone, aliased(with(func(s *signer) { s.until = now.Add(-time.Hour) }).set(a)...))
	assert.Equal(t, time.Hour, got.Why[0].Off)
	assert.True(t, got.Why[0].Code.TimeOnly())
}

// under puts records under another owner, as a server does that expands a wildcard.
func under(owner string, rrs []resolver.RR) []resolver.RR {
	for i := range rrs {
		rrs[i].Name = name(owner)
	}
	return rrs
}

func TestAliases(t *testing.T) {
	s, sub := newSigner(t, "test.", dns.ED25519), newSigner(t, "sub.test.", dns.ED25519)
	v, zone := s.secure()
	soa := s.set("test. 300 IN SOA a.test. b.test. 1 2 3 4 5")
	ask := func(rrs ...[]resolver.RR) resolver.Response {
		r := reply("a.test.", resolver.TypeA)
		for _, x := range rrs {
			r.Answer = append(r.Answer, x...)
		}
		return r
	}
	made := []resolver.RR{resolver.MustParseRR("x.d.test. 300 IN CNAME x.e.test.")}
	dname := s.set("d.test. 300 IN DNAME e.test.")
	for _, c := range []struct {
		what     string
		r        resolver.Response
		want     dnssec.Status
		why      dnssec.Code
		left     string
		verified int
	}{
		{"out of the zone", ask(s.set("a.test. 300 IN CNAME v.example."), s.set("v.example. 300 IN A 192.0.2.1")), dnssec.Secure, "", "v.example.", 1},
		{"within the zone", ask(s.set("a.test. 300 IN CNAME b.test."), s.set("b.test. 300 IN A 192.0.2.1")), dnssec.Secure, "", "", 2},
		{"within the zone, altered at the end", ask(s.set("a.test. 300 IN CNAME b.test."), s.set("b.test. 300 IN A 192.0.2.1"), []resolver.RR{resolver.MustParseRR("b.test. 300 IN A 192.0.2.2")}), dnssec.Bogus, dnssec.SignatureWrong, "", 1},
		{"into a signed zone below", ask(s.set("a.test. 300 IN CNAME b.sub.test."), sub.set("b.sub.test. 300 IN A 192.0.2.1")), dnssec.Secure, "", "b.sub.test.", 1},
		{"into an unsigned zone below", ask(s.set("a.test. 300 IN CNAME b.sub.test."), []resolver.RR{resolver.MustParseRR("b.sub.test. 300 IN A 192.0.2.1")}), dnssec.Secure, "", "b.sub.test.", 1},
		{"to itself", ask(s.set("a.test. 300 IN CNAME a.test.")), dnssec.Secure, "", "a.test.", 1},
		{"to nothing", func() resolver.Response {
			r := ask(s.set("a.test. 300 IN CNAME n.test."))
			r.RCode, r.Authority = resolver.NXDomain, append(soa, s.set("test. 300 IN NSEC z.test. SOA")...)
			return r
		}(), dnssec.Secure, "", "", 3},
		{"to nothing, unproven", func() resolver.Response {
			r := ask(s.set("a.test. 300 IN CNAME n.test."))
			r.RCode, r.Authority = resolver.NXDomain, soa
			return r
		}(), dnssec.Bogus, dnssec.DenialMissing, "", 1},
		{"without its end", ask(s.set("a.test. 300 IN CNAME b.test.")), dnssec.Secure, "", "b.test.", 1},
		{"DNAME", reply("x.d.test.", resolver.TypeCNAME, append(dname, made...)...), dnssec.Secure, "", "", 1},
		{"DNAME, and what it leads to", reply("x.d.test.", resolver.TypeA, append(append(dname, made...), s.set("x.e.test. 300 IN A 192.0.2.1")...)...), dnssec.Secure, "", "", 2},
		{"DNAME, CNAME to elsewhere", reply("x.d.test.", resolver.TypeCNAME, append(dname, resolver.MustParseRR("x.d.test. 300 IN CNAME evil.test."))...), dnssec.Bogus, dnssec.AliasWrong, "", 1},
		{"DNAME unsigned", reply("x.d.test.", resolver.TypeCNAME, append(dname[:1:1], made...)...), dnssec.Bogus, dnssec.SignatureMissing, "", 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := v.Answer(zone, c.r)
			require.Equal(t, c.want, got.Status, "%v", got.Why)
			if c.why != "" {
				assert.Equal(t, c.why, got.Why[0].Code)
			}
			assert.Equal(t, c.left, got.Left.String())
			assert.Len(t, got.Verified, c.verified)
		})
	}
}

// RFC 4034, 6.2 as RFC 6840, 5.1 corrects it: the signature is over names in lower case for the types listed, and over what
// stands there for all others, which equality must not fold either.
func TestCaseOfNamesInRDATA(t *testing.T) {
	s := newSigner(t, "test.", dns.ED25519)
	s.signer = "TEST."
	v, zone := s.secure()
	for _, c := range []struct {
		mixed, lower string
		folded       bool
	}{
		{"a.test. 300 IN NS X.test.", "a.test. 300 IN NS x.test.", true},
		{"a.test. 300 IN SOA X.test. Y.test. 1 2 3 4 5", "a.test. 300 IN SOA x.test. y.test. 1 2 3 4 5", true},
		{"a.test. 300 IN MX 5 X.test.", "a.test. 300 IN MX 5 x.test.", true},
		{"a.test. 300 IN RP X.test. Y.test.", "a.test. 300 IN RP x.test. y.test.", true},
		{"a.test. 300 IN PX 5 X.test. Y.test.", "a.test. 300 IN PX 5 x.test. y.test.", true},
		{"a.test. 300 IN SRV 1 2 3 X.test.", "a.test. 300 IN SRV 1 2 3 x.test.", true},
		{`a.test. 300 IN NAPTR 1 2 "U" "E2U" "!X!" X.test.`, `a.test. 300 IN NAPTR 1 2 "U" "E2U" "!X!" x.test.`, true},
		{"a.test. 300 IN NSEC X.test. A", "a.test. 300 IN NSEC x.test. A", false},
		{"a.test. 300 IN SVCB 1 X.test.", "a.test. 300 IN SVCB 1 x.test.", false},
		{`a.test. 300 IN TXT "X"`, `a.test. 300 IN TXT "x"`, false},
	} {
		mixed, lower := resolver.MustParseRR(c.mixed), resolver.MustParseRR(c.lower)
		assert.Equal(t, c.folded, mixed == lower, "%s", c.mixed)
		rrs := s.set(c.mixed)
		got := v.Answer(zone, reply("a.test.", mixed.Type, rrs...))
		assert.Equal(t, dnssec.Secure, got.Status, "%s: %v", c.mixed, got.Why)
		rrs[0] = lower
		got = v.Answer(zone, reply("a.test.", mixed.Type, rrs...))
		assert.Equal(t, c.folded, got.Status == dnssec.Secure, "%s: %v", c.lower, got.Why)
	}
}
