package resolver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/acmdoctor/acmdoctor/resolver"
)

func rrs(lines ...string) []resolver.RR {
	var out []resolver.RR
	for _, l := range lines {
		out = append(out, resolver.MustParseRR(l))
	}
	return out
}

func TestMeans(t *testing.T) {
	const (
		soa    = "example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 5"
		cname  = "_a79.example.com. 300 CNAME _424.acm-validations.aws."
		own    = "example.com. 300 NS ns1.example.com."
		deeper = "_a79.example.com. 300 NS ns1.other.net."
		upward = ". 300 NS a.root-servers.net."
		com    = "com. 300 NS a.gtld-servers.net."
		side   = "example.net. 300 NS ns1.example.net."
		below  = "x._a79.example.com. 300 NS ns1.other.net."
	)
	for _, c := range []struct {
		name      string
		qtype     resolver.Type // 0: CNAME
		rcode     resolver.RCode
		aa        bool
		answer    []resolver.RR
		authority []resolver.RR
		want      resolver.Meaning
	}{
		{name: "the CNAME", aa: true, answer: rrs(cname), want: resolver.Answers},
		{name: "the CNAME without AA: from a cache", answer: rrs(cname), want: resolver.Lame},
		{name: "a CNAME for a question for A", qtype: resolver.TypeA, aa: true, answer: rrs(cname), want: resolver.Answers},
		{
			name: "a CNAME that leads nowhere (RFC 6604, 3)", qtype: resolver.TypeA, rcode: resolver.NXDomain, aa: true,
			answer: rrs(cname), want: resolver.Answers,
		},
		{name: "ANY, and anything there", qtype: resolver.TypeANY, aa: true, answer: rrs("_a79.example.com. 300 TXT x"), want: resolver.Answers},
		{name: "an answer under SERVFAIL is none", rcode: resolver.ServFail, aa: true, answer: rrs(cname), want: resolver.Fails},
		{name: "an answer under REFUSED is none", rcode: resolver.Refused, aa: true, answer: rrs(cname), want: resolver.Lame},
		{name: "records of other names only", aa: true, answer: rrs("www.example.com. 300 CNAME x.example.net."), want: resolver.Fails},
		{name: "NXDOMAIN with records of other names", rcode: resolver.NXDomain, aa: true, answer: rrs("www.example.com. 300 A 192.0.2.1"), want: resolver.Fails},
		{name: "another type at the name", aa: true, answer: rrs("_a79.example.com. 300 A 192.0.2.1"), want: resolver.NoData},
		{name: "NXDOMAIN", rcode: resolver.NXDomain, aa: true, authority: rrs(soa), want: resolver.NoSuchName},
		{name: "NXDOMAIN without SOA", rcode: resolver.NXDomain, aa: true, want: resolver.NoSuchName},
		{name: "NXDOMAIN without AA: from a cache", rcode: resolver.NXDomain, authority: rrs(soa), want: resolver.Lame},
		{name: "NODATA", aa: true, authority: rrs(soa), want: resolver.NoData},
		{name: "NODATA with the zone's own NS in place of SOA", aa: true, authority: rrs(own), want: resolver.NoData},
		{name: "empty, with AA", aa: true, want: resolver.NoData},
		{name: "empty, without AA", want: resolver.Lame},
		{name: "a referral to the name itself", authority: rrs(deeper), want: resolver.Refers},
		{name: "a referral with AA on it by mistake", aa: true, authority: rrs(deeper), want: resolver.Refers},
		{name: "NS beside an SOA is no referral", aa: true, authority: rrs(soa, deeper), want: resolver.NoData},
		{name: "a referral under NXDOMAIN is none", rcode: resolver.NXDomain, authority: rrs(deeper), want: resolver.Lame},
		{name: "a referral below the name", authority: rrs(below), want: resolver.Lame},
		{name: "a referral to the zone itself", authority: rrs(own), want: resolver.Lame},
		{name: "a referral to the root", authority: rrs(upward), want: resolver.Lame},
		{name: "a referral upwards, not to the root", authority: rrs(com), want: resolver.Lame},
		{name: "a referral sideways", authority: rrs(side), want: resolver.Lame},
		{name: "REFUSED", rcode: resolver.Refused, want: resolver.Lame},
		{name: "NOTAUTH", rcode: resolver.NotAuth, want: resolver.Lame},
		{name: "SERVFAIL", rcode: resolver.ServFail, want: resolver.Fails},
		{name: "FORMERR", rcode: resolver.FormErr, want: resolver.Fails},
		{name: "NOTIMP", rcode: resolver.NotImp, want: resolver.Fails},
		{name: "a code nobody knows", rcode: 4000, aa: true, want: resolver.Fails},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.qtype == 0 {
				c.qtype = resolver.TypeCNAME
			}
			r := resolver.Response{
				Question: resolver.Question{Name: resolver.MustParseName("_a79.example.com."), Type: c.qtype},
				RCode:    c.rcode, Authoritative: c.aa, Answer: c.answer, Authority: c.authority,
			}
			got := r.Means(resolver.MustParseName("example.com."))
			assert.Equal(t, c.want.String(), got.String())
			assert.Equal(t, c.want <= resolver.Refers, got.Usable(), "only answers, denials and referrals lead on")
		})
	}
}

func TestMeaningsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for m := resolver.Answers; m <= resolver.Fails; m++ {
		assert.False(t, seen[m.String()], "%s twice", m)
		seen[m.String()] = true
	}
	assert.Equal(t, "unknown", resolver.Meaning(0).String())
	assert.False(t, resolver.Meaning(0).Usable(), "the zero Meaning is no answer")
}
