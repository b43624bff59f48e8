package dnssec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

func TestChainFromTheRootWithEachAlgorithmAndDigest(t *testing.T) {
	for _, alg := range []uint8{dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519} {
		for _, digest := range []uint8{dns.SHA1, dns.SHA256, dns.SHA384} {
			t.Run(dnssec.Algorithm(alg).String()+" "+dnssec.Digest(digest).String(), func(t *testing.T) {
				root, child := newSigner(t, ".", alg), newSigner(t, "test.", alg)
				v := dnssec.Validator{Anchors: root.anchors(), Now: now}
				r := v.Root(root.keys())
				require.Equal(t, dnssec.Secure, r.Status, "%v", r.Why)
				assert.Equal(t, 1, r.Work.Signatures)

				z := v.Child(r, name("test."), reply("test.", resolver.TypeDS, root.set(child.ds(digest))...), child.keys())
				require.Equal(t, dnssec.Secure, z.Status, "%v", z.Why)
				assert.Equal(t, now.Add(14*24*time.Hour), z.Expires)
				assert.Equal(t, digest == dns.SHA1, len(z.Notes) == 1, "SHA-1 is noted: %v", z.Notes)

				got := v.Answer(z, reply("a.test.", resolver.TypeA, child.set("a.test. 300 IN A 192.0.2.1", "a.test. 300 IN A 192.0.2.2")...))
				assert.Equal(t, dnssec.Secure, got.Status, "%v", got.Why)
				assert.Equal(t, resolver.Answers, got.Meaning)
				assert.Equal(t, dnssec.Work{Signatures: 1}, got.Work)
			})
		}
	}
}

func TestSHA1IsUnsupportedUnlessAskedFor(t *testing.T) {
	s := newSigner(t, "test.", dns.RSASHA1)
	v := dnssec.Validator{Anchors: s.anchors(), Now: now}
	z := v.Child(dnssec.Zone{}, name("test."), resolver.Response{}, s.keys())
	assert.Equal(t, dnssec.Insecure, z.Status)
	assert.Equal(t, []dnssec.Code{dnssec.AlgorithmUnsupported}, codes(z.Why))
	v.SHA1 = true
	z = v.Child(dnssec.Zone{}, name("test."), resolver.Response{}, s.keys())
	assert.Equal(t, dnssec.Secure, z.Status, "%v", z.Why)
}

func TestChild(t *testing.T) {
	root, child, other := newSigner(t, ".", dns.ECDSAP256SHA256), newSigner(t, "test.", dns.ED25519), newSigner(t, "test.", dns.ED25519)
	v := dnssec.Validator{Anchors: root.anchors(), Now: now}
	parent := v.Root(root.keys())
	soa := root.set(". 300 IN SOA a. b. 1 2 3 4 5")
	ns := []resolver.RR{resolver.MustParseRR("test. 300 IN NS ns1.test.")}
	ds := func(lines ...string) resolver.Response { return reply("test.", resolver.TypeDS, root.set(lines...)...) }
	referral := func(rrs []resolver.RR) resolver.Response {
		r := denial("a.test.", resolver.TypeA, resolver.NoError, ns, rrs)
		r.Authoritative = false
		return r
	}
	revoked := *child.key
	revoked.Flags |= 0x80
	expired := *root
	expired.until = now.Add(-26 * time.Hour)
	for _, c := range []struct {
		what   string
		ds     resolver.Response
		dnskey resolver.Response
		want   dnssec.Status
		why    dnssec.Code
		says   string
	}{
		{"a referral with DS", referral(root.set(child.ds(2))), child.keys(), dnssec.Secure, "", ""},
		{"one of two DS is right", ds(child.ds(2), other.ds(2)), child.keys(), dnssec.Secure, "", ""},
		{"DS of another key", ds(other.ds(2)), child.keys(), dnssec.Bogus, dnssec.DSUnmatched, "no key that test. publishes is one that its DS records name: named is key"},
		{"DS and no keys", ds(child.ds(2)), denial("test.", resolver.TypeDNSKEY, resolver.NoError, child.set("test. 300 IN SOA a. b. 1 2 3 4 5")), dnssec.Bogus, dnssec.KeysMissing, "test. has no DNSKEY records, though its DS records name key"},
		{"keys not to be had", ds(child.ds(2)), resolver.Response{}, dnssec.Indeterminate, dnssec.KeysUnknown, ""},
		{"SERVFAIL for the keys", ds(child.ds(2)), denial("test.", resolver.TypeDNSKEY, resolver.ServFail), dnssec.Indeterminate, dnssec.KeysUnknown, ""},
		{"keys asked for without DO", ds(child.ds(2)), bare(child.keys()), dnssec.Indeterminate, dnssec.KeysUnknown, ""},
		{"DS asked for without DO", bare(ds(child.ds(2))), child.keys(), dnssec.Indeterminate, dnssec.DSUnknown, ""},
		{"DS not to be had", resolver.Response{}, child.keys(), dnssec.Indeterminate, dnssec.DSUnknown, ""},
		{"DS answered by the child", denial("test.", resolver.TypeDS, resolver.NoError, child.set("test. 300 IN SOA a. b. 1 2 3 4 5")), child.keys(), dnssec.Indeterminate, dnssec.DSUnknown, ""},
		{"DS unsigned", reply("test.", resolver.TypeDS, resolver.MustParseRR(child.ds(2))), child.keys(), dnssec.Bogus, dnssec.SignatureMissing, "test. DS is not signed, though zone . is"},
		{"DS expired", reply("test.", resolver.TypeDS, expired.set(child.ds(2))...), child.keys(), dnssec.Bogus, dnssec.SignatureExpired, "expired on 2026-11-23 10:00:00 UTC, 26 hours ago"},
		{"DS of an unknown algorithm", ds("test. 300 IN DS 1 250 2 " + sha256), child.keys(), dnssec.Insecure, dnssec.AlgorithmUnsupported, "none of these algorithms is supported"},
		{"DS of an unknown digest", ds("test. 300 IN DS 1 13 9 abcd"), child.keys(), dnssec.Insecure, dnssec.DigestUnsupported, "none of these digests is supported"},
		{"keys signed by another key", ds(child.ds(2)), other.keys(child.key), dnssec.Bogus, dnssec.KeysUnsigned, "are not signed by a key that its DS records name"},
		{"a revoked key", ds((&revoked).ToDS(2).String()), other.keys(&revoked), dnssec.Bogus, dnssec.KeysUnsigned, ""},
		{"no DS, by NSEC", referral(root.set("test. 300 IN NSEC zz. NS RRSIG NSEC")), child.keys(), dnssec.Insecure, dnssec.DSAbsent, ". proves that it has no DS records for test."},
		{"no DS, asked for, by NSEC", denial("test.", resolver.TypeDS, resolver.NoError, soa, root.set("test. 300 IN NSEC zz. NS RRSIG NSEC")), resolver.Response{}, dnssec.Insecure, dnssec.DSAbsent, ""},
		{"no DS, by NSEC3", referral(root.set(nsec3(".", "test.", "test.", 0, 1, 0, "", false, "NS"))), child.keys(), dnssec.Insecure, dnssec.DSAbsent, ""},
		{"no DS, opt-out", referral(append(root.set(nsec3(".", ".", ".", 0, 1, 0, "", false, "NS SOA")), root.set(nsec3(".", "test.", "test.", 1, 1, 0, "", true, "NS"))...)), child.keys(), dnssec.Insecure, dnssec.OptOut, ""},
		{"no DS, and no proof", referral(nil), child.keys(), dnssec.Bogus, dnssec.DenialMissing, "no NSEC or NSEC3 records prove that test. has no DS records"},
		{"NSEC says there is DS", referral(root.set("test. 300 IN NSEC zz. NS DS RRSIG NSEC")), child.keys(), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"NSEC of the child's apex", referral(root.set("test. 300 IN NSEC zz. NS SOA RRSIG NSEC")), child.keys(), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"NSEC without NS", referral(root.set("test. 300 IN NSEC zz. A RRSIG NSEC")), child.keys(), dnssec.Bogus, dnssec.NotDelegated, ""},
		{"no cut at a name asked for", denial("test.", resolver.TypeDS, resolver.NoError, soa, root.set("test. 300 IN NSEC zz. A RRSIG NSEC")), resolver.Response{}, dnssec.Indeterminate, dnssec.CutUnknown, ""},
		{"NSEC of another name", referral(root.set("toast. 300 IN NSEC zz. NS RRSIG NSEC")), child.keys(), dnssec.Bogus, dnssec.DenialWrong, ""},
		{"NSEC by another zone's key", referral(child.set("test. 300 IN NSEC zz. NS RRSIG NSEC")), child.keys(), dnssec.Indeterminate, dnssec.ZoneBelow, ""},
		{"DS by the child's own key", reply("test.", resolver.TypeDS, child.set(child.ds(2))...), child.keys(), dnssec.Bogus, dnssec.SignatureSigner, "is made by test., not by zone ."},
		{"NSEC3 with too many iterations", referral(root.set(nsec3(".", "test.", "test.", 0, 1, 51, "ab", false, "NS"))), child.keys(), dnssec.Insecure, dnssec.NSEC3Iterations, "51 extra iterations"},
	} {
		t.Run(c.what, func(t *testing.T) {
			z := v.Child(parent, name("test."), c.ds, c.dnskey)
			assert.Equal(t, c.want, z.Status, "%v", z.Why)
			if c.why == "" {
				assert.Empty(t, z.Why)
				return
			}
			require.NotEmpty(t, z.Why)
			assert.Equal(t, c.why, z.Why[0].Code)
			assert.Contains(t, z.Why[0].String(), c.says)
			below := v.Child(z, name("a.test."), resolver.Response{}, resolver.Response{})
			assert.Equal(t, z.Status, below.Status, "what is above decides")
			assert.Equal(t, z.Why, below.Why)
			got := v.Answer(z, reply("a.test.", resolver.TypeA))
			assert.Equal(t, z.Status, got.Status)
			assert.Equal(t, z.Why, got.Why)
		})
	}
}

// bare is what comes without DO.
func bare(r resolver.Response) resolver.Response {
	r.Question.DNSSEC = false
	r.Answer = slices.DeleteFunc(slices.Clone(r.Answer), func(rr resolver.RR) bool { return rr.Type == resolver.TypeRRSIG })
	return r
}

const sha256 = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"

func TestRootWithoutAnchors(t *testing.T) {
	root := newSigner(t, ".", dns.ED25519)
	z := dnssec.Validator{Now: now}.Root(root.keys())
	assert.Equal(t, dnssec.Indeterminate, z.Status)
	assert.Equal(t, []dnssec.Code{dnssec.AnchorMissing}, codes(z.Why))
	z = dnssec.Validator{Now: now, Anchors: dnssec.RootAnchors()}.Root(root.keys())
	assert.Equal(t, dnssec.Bogus, z.Status)
	assert.Equal(t, []dnssec.Code{dnssec.DSUnmatched}, codes(z.Why))
	assert.Contains(t, z.Why[0].String(), "the trust anchor names: named is key 20326 (RSASHA256) by SHA-256, key 38696 (RSASHA256) by SHA-256")
	got := dnssec.Validator{Now: now}.Answer(dnssec.Zone{}, reply("a.", resolver.TypeA))
	assert.Equal(t, dnssec.Indeterminate, got.Status)
	assert.NotEmpty(t, got.Why)
}
