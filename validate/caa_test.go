package validate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// The grammar of RFC 8659, 4.2, and what is near it.
func TestIssueValue(t *testing.T) {
	for _, c := range []struct {
		value, issuer string
		parameters    []string
		ok            bool
	}{
		{"amazon.com", "amazon.com", nil, true},
		{" \tAmazon.COM ", "amazon.com", nil, true},
		{"amazon.com;", "amazon.com", nil, true},
		{";", "", nil, true},
		{"", "", nil, true},
		{" ; ", "", nil, true},
		{"a-b.example; account=1", "a-b.example", []string{"account=1"}, true},
		{"ca.example ; AccountURI = https://x.example/1 ; validationmethods=dns-01", "ca.example", []string{"accounturi=https://x.example/1", "validationmethods=dns-01"}, true},
		{"ca.example; a=1;", "ca.example", []string{"a=1"}, true},
		{"ca.example; a=", "ca.example", []string{"a="}, true},
		{"; a=1", "", []string{"a=1"}, true},
		{"https://amazon.com", "", nil, false},
		{"amazon.com letsencrypt.org", "", nil, false},
		{"amazon.com, letsencrypt.org", "", nil, false},
		{"amazon..com", "", nil, false},
		{"amazon.com.", "", nil, false},
		{"-amazon.com", "", nil, false},
		{"amazon-.com", "", nil, false},
		{"*.amazon.com", "", nil, false},
		{"amazön.com", "", nil, false},
		{"amazon.com; account", "", nil, false},
		{"amazon.com; =1", "", nil, false},
		{"amazon.com; a=b c", "", nil, false},
		{"amazon.com; a=b;; c=d", "", nil, false},
		{"amazon.com\x00", "", nil, false},
	} {
		issuer, parameters, ok := issueValue(c.value)
		assert.Equal(t, c.ok, ok, "%q", c.value)
		assert.Equal(t, c.issuer, issuer, "%q", c.value)
		assert.Equal(t, c.parameters, parameters, "%q", c.value)
	}
}

func TestPermits(t *testing.T) {
	for _, c := range []struct {
		set      string
		domain   bool // a certificate for the domain
		wildcard bool // one for its wildcard
		doubt    bool
	}{
		{"", true, true, false},
		{`0 iodef "mailto:x@example.com"`, true, true, false},
		{`0 issue "amazon.com"`, true, true, false},
		{`0 ISSUE "amazonaws.com"`, true, true, false},
		{`0 issue "awstrust.com"` + "\n" + `0 issue "ca.example"`, true, true, false},
		{`0 issue ";"`, false, false, false},
		{`0 issue ";"` + "\n" + `0 issue "amazon.com"`, true, true, false},
		{`0 issue "amazon.com"` + "\n" + `0 issuewild ";"`, true, false, false},
		{`0 issue ";"` + "\n" + `0 issuewild "amazon.com"`, false, true, false},
		{`0 issuewild "ca.example"`, true, false, false},
		{`0 issue "amazon.com.example"`, false, false, false},
		{`128 issue "amazon.com"`, true, true, false},
		{`128 tbs "x"`, false, false, false},
		{`1 tbs "x"`, true, true, false},
		{`0 tbs "x"` + "\n" + `0 issue "amazon.com"`, true, true, false},
		{`128 contactemail "x@example.com"`, true, true, true},
		{`0 issue "amazon.com; accounturi=https://x.example"`, true, true, true},
		{`0 issue "amazon.com; accounturi=https://x.example"` + "\n" + `0 issue "amazon.com"`, true, true, false},
		{`0 issue "https://amazon.com"`, false, false, false},
	} {
		var set []resolver.RR
		for l := range strings.Lines(c.set) {
			set = append(set, resolver.MustParseRR("example.com. CAA "+strings.TrimSpace(l)))
		}
		d, w := permits(set, false), permits(set, true)
		assert.Equal(t, c.domain, d.Allowed, "%s: %s", c.set, d.Why)
		assert.Equal(t, c.wildcard, w.Allowed, "%s, wildcard: %s", c.set, w.Why)
		assert.Equal(t, c.doubt, d.Allowed && d.Why != "", "%s: %s", c.set, d.Why)
	}
}

// Whatever octets a CAA record holds, they are judged without harm, and what allows Amazon says so.
func FuzzPermits(f *testing.F) {
	f.Add("\x00\x05issueamazon.com", false)
	f.Add("\x80\x03tbs", true)
	f.Add("\x00\x09issuewild;", true)
	f.Add("\x00\xff", false)
	f.Fuzz(func(t *testing.T, rdata string, wildcard bool) {
		rr := resolver.RR{Name: resolver.MustParseName("example.com."), Type: resolver.TypeCAA, TTL: 60, RDATA: rdata}
		p := permits([]resolver.RR{rr}, wildcard)
		c, ok := rr.CAA()
		if !p.Allowed && p.Why == "" {
			t.Error("forbidden, and no word why")
		}
		if ok && strings.EqualFold(c.Tag, "issue") && !wildcard && p.Allowed && !strings.Contains(strings.ToLower(c.Value), "amazon") && !strings.Contains(strings.ToLower(c.Value), "awstrust") {
			t.Errorf("%q allows Amazon", c.Value)
		}
	})
}
