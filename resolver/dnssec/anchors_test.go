package dnssec_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

func TestRootAnchorsAreThoseOfDebian(t *testing.T) {
	assert.Equal(t, []dnssec.Key{{Tag: 20326, Algorithm: 8}, {Tag: 38696, Algorithm: 8}}, dnssec.RootAnchors().Keys(resolver.Root))
	assert.Equal(t, []resolver.Name{resolver.Root}, dnssec.RootAnchors().Zones())
	for _, file := range []string{"/usr/share/dns/root.ds", "/usr/share/dns/root.key"} {
		text, err := os.ReadFile(file)
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatalf("%s is missing (apt-get install dns-root-data), and CI=true", file)
		default:
			t.Skipf("%s is missing (apt-get install dns-root-data)", file)
		}
		theirs, err := dnssec.ParseAnchors(strings.NewReader(string(text)))
		require.NoError(t, err)
		if strings.HasSuffix(file, ".ds") {
			assert.Equal(t, theirs, dnssec.RootAnchors(), "digests and all")
			continue
		}
		assert.Equal(t, theirs.Keys(resolver.Root), dnssec.RootAnchors().Keys(resolver.Root))
		// The digests that we embed are those of the keys that Debian ships.
		v := dnssec.Validator{Anchors: dnssec.RootAnchors(), Now: now}
		r := reply(".", resolver.TypeDNSKEY)
		for _, l := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			l, _, _ = strings.Cut(l, ";")
			r.Answer = append(r.Answer, resolver.MustParseRR(l))
		}
		z := v.Root(r)
		assert.Equal(t, []dnssec.Code{dnssec.SignatureMissing}, codes(z.Why), "the keys are those named, and nobody signed this answer")
	}
}

func TestParseAnchors(t *testing.T) {
	key := ". IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
	for _, c := range []struct {
		what, text string
		want       string // zones and keys; or
		bad        string // what the error says
	}{
		{what: "a DS record", text: ". IN DS 20326 8 2 " + sha256, want: ". 20326/8"},
		{what: "a DNSKEY record", text: key + " ; comment", want: ". 3613/15"},
		{what: "both, comments, blank lines, TTLs, lower case", text: "; x\n\n. 172800 IN ds 20326 8 2 " + strings.ToLower(sha256) + "\r\n" + key, want: ". 3613/15 20326/8"},
		{what: "twice the same", text: key + "\n" + key, want: ". 3613/15"},
		{what: "several zones", text: "test. DS 1 13 2 " + sha256 + "\n. DS 2 13 2 " + sha256, want: ". 2/13; test. 1/13"},
		{
			what: "unbound's file", text: "; autotrust trust anchor file\n;;id: . 1\n" + key + " ;{id = 3613 (ksk), size = 256b} ;;state=2 [  VALID  ] ;;count=0\n" +
				strings.Replace(key, "257", "385", 1) + " ;;state=4 [ REVOKED ]\n" + ". IN DNSKEY 257 3 15 " + strings.Repeat("A", 43) + "= ;;state=1 [ ADDPEND ]\n",
			want: ". 3613/15",
		},
		{what: "an algorithm nobody knows", text: ". DS 2 250 2 " + sha256, want: ". 2/250"},
		{what: "empty", text: "", bad: "it holds no DS or DNSKEY record"},
		{what: "comments only", text: "; nothing\n", bad: "it holds no DS or DNSKEY record"},
		{what: "another record", text: "\n. IN A 192.0.2.1", bad: "line 2: found a record of type A, expected DS or DNSKEY"},
		{what: "no record", text: "<html>", bad: "line 1: found \"<html>\""},
		{what: "IANA's XML", text: "<?xml version=\"1.0\"?>", bad: "as in dns-root-data's root.key"},
		{what: "BIND's form", text: "trust-anchors {", bad: "line 1: found \"trust-anchors\"; DS or DNSKEY records in zone-file format are wanted"},
		{what: "a short digest", text: ". DS 20326 8 2 abcd", bad: "line 1: a SHA-256 digest has 32 octets, this one has 2"},
		{what: "a key for no zone", text: strings.Replace(key, "257", "1", 1), bad: "has no zone flag"},
		{what: "a revoked key", text: strings.Replace(key, "257", "385", 1), bad: "is revoked"},
		{what: "a short key", text: ". IN DNSKEY 257 3 15 abcd", bad: "is not a key of that algorithm"},
		{what: "an include", text: "$INCLUDE /etc/passwd", bad: "line 1: directives such as \"$INCLUDE\""},
		{what: "good, then garbage", text: key + "\n\x00garbage", bad: "line 2: found"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := dnssec.ParseAnchors(strings.NewReader(c.text))
			if c.bad != "" {
				require.ErrorIs(t, err, dnssec.ErrBadAnchors)
				assert.ErrorContains(t, err, c.bad)
				assert.True(t, got.IsZero())
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, anchorsText(got))
		})
	}
	broken := errors.New("the disk is on fire")
	_, err := dnssec.ParseAnchors(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, dnssec.ErrBadAnchors, "nothing is known of the file")
}

func anchorsText(a dnssec.Anchors) string {
	var zones []string
	for _, z := range a.Zones() {
		s := z.String()
		for _, k := range a.Keys(z) {
			s += fmt.Sprintf(" %d/%d", k.Tag, k.Algorithm)
		}
		zones = append(zones, s)
	}
	return strings.Join(zones, "; ")
}

func FuzzParseAnchors(f *testing.F) {
	for _, s := range []string{"", ". IN DS 20326 8 2 " + sha256, ". IN DNSKEY 257 3 8 AwEAAQ==", "a.b. 5 DS 1 1 1 00\n;", "$TTL 5", ". DNSKEY 257 3 13 AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := dnssec.ParseAnchors(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, dnssec.ErrBadAnchors)
			return
		}
		require.False(t, got.IsZero())
		for _, z := range got.Zones() {
			require.NotEmpty(t, got.Keys(z))
		}
	})
}
