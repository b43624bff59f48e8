package resolver

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRecursor(t *testing.T) {
	for in, want := range map[string]struct {
		text      string
		transport Transport
		dial      string
		certified string
		path      string
	}{
		"1.1.1.1":                           {"1.1.1.1", UDP, "1.1.1.1:53", "1.1.1.1", ""},
		" 1.1.1.1:53 ":                      {"1.1.1.1", UDP, "1.1.1.1:53", "1.1.1.1", ""},
		"1.1.1.1:5353":                      {"1.1.1.1:5353", UDP, "1.1.1.1:5353", "1.1.1.1", ""},
		"2606:4700:4700::1111":              {"2606:4700:4700::1111", UDP, "[2606:4700:4700::1111]:53", "2606:4700:4700::1111", ""},
		"[2606:4700:4700::1111]":            {"2606:4700:4700::1111", UDP, "[2606:4700:4700::1111]:53", "2606:4700:4700::1111", ""},
		"[2606:4700:4700::1111]:53":         {"2606:4700:4700::1111", UDP, "[2606:4700:4700::1111]:53", "2606:4700:4700::1111", ""},
		"[fe80::1%eth0]:54":                 {"[fe80::1%eth0]:54", UDP, "[fe80::1%eth0]:54", "fe80::1", ""},
		"tls://9.9.9.9":                     {"tls://9.9.9.9", TLS, "9.9.9.9:853", "9.9.9.9", ""},
		"TLS://DNS.Quad9.net:853":           {"tls://dns.quad9.net", TLS, "dns.quad9.net:853", "dns.quad9.net", ""},
		"tls://dns.quad9.net@9.9.9.9:8853":  {"tls://dns.quad9.net@9.9.9.9:8853", TLS, "9.9.9.9:8853", "dns.quad9.net", ""},
		"tls://dns.quad9.net@[2620:fe::fe]": {"tls://dns.quad9.net@[2620:fe::fe]", TLS, "[2620:fe::fe]:853", "dns.quad9.net", ""},
		"tls://[fe80::1%25eth0]":            {"tls://[fe80::1%25eth0]", TLS, "[fe80::1%eth0]:853", "fe80::1", ""},
		"https://dns.google/dns-query":      {"https://dns.google/dns-query", HTTPS, "dns.google:443", "dns.google", "/dns-query"},
		"https://dns.google":                {"https://dns.google/dns-query", HTTPS, "dns.google:443", "dns.google", "/dns-query"},
		"https://1.1.1.1:8443/a%20b":        {"https://1.1.1.1:8443/a%20b", HTTPS, "1.1.1.1:8443", "1.1.1.1", "/a%20b"},
		"https://one.one@1.1.1.1/dns-query": {"https://one.one@1.1.1.1/dns-query", HTTPS, "1.1.1.1:443", "one.one", "/dns-query"},
	} {
		r, err := ParseRecursor(in)
		require.NoError(t, err, in)
		assert.Equal(t, want.text, r.String(), in)
		assert.Equal(t, want.transport, r.Transport(), in)
		assert.Equal(t, want.dial, r.parts().dialAddress(), in)
		assert.Equal(t, want.certified, r.parts().certified(), in)
		assert.Equal(t, want.path, r.Path(), in)
		back, err := ParseRecursor(r.String())
		require.NoError(t, err, r)
		assert.True(t, back == r, "%s reads back as %s", r, back)
	}
	for in, want := range map[string]string{
		"":                            "expected an address",
		"dns.google":                  "expected an address",
		"1.1.1.1:0":                   "expected an address",
		"1.1.1.1:99999":               "expected an address",
		"http://dns.google/dns-query": "tls:// or https://",
		"udp://1.1.1.1":               "tls:// or https://",
		"tls://":                      "name of a host",
		"tls://9.9.9.9/dns-query":     "no path",
		"tls://9.9.9.9:0":             "a port from 1 to 65535",
		"tls://a@b":                   "an address after @",
		"https://":                    "name of a host",
		"https://a/q?dns=1":           "without ? and #",
		"https://a/#x":                "without ? and #",
		"https://a:b@9.9.9.9/":        "a password",
		"https://a b/":                "expected",
		"https://a..b/":               "name of a host",
		"tls://%zz@9.9.9.9":           "expected",
	} {
		_, err := ParseRecursor(in)
		require.ErrorIs(t, err, ErrBadRecursor, in)
		assert.ErrorContains(t, err, want, in)
	}
	for _, in := range []string{"https://me:hunter2@9.9.9.9/", "tls://me:hunter2@9.9.9.9/path", "https://me:hunter2@x@h/?q", "gopher://me:hunter2@h"} {
		_, err := ParseRecursor(in)
		require.ErrorIs(t, err, ErrBadRecursor, in)
		assert.NotContains(t, err.Error(), "hunter2", "a password is shown to nobody")
		assert.Contains(t, err.Error(), "://me:…@", in)
	}
	assert.Equal(t, "1.1.1.1", PlainRecursor(netip.MustParseAddrPort("[::ffff:1.1.1.1]:0")).String())
	assert.True(t, PlainRecursor(netip.AddrPort{}).IsZero())
}

func TestRecursorIsText(t *testing.T) {
	type document struct{ R Recursor }
	text, err := json.Marshal(document{MustParseRecursor("tls://dns.quad9.net@9.9.9.9")})
	require.NoError(t, err)
	require.JSONEq(t, `{"R":"tls://dns.quad9.net@9.9.9.9"}`, string(text))
	var back document
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, "tls://dns.quad9.net@9.9.9.9", back.R.String())
	require.NoError(t, json.Unmarshal([]byte(`{"R":""}`), &back))
	require.True(t, back.R.IsZero())
	require.ErrorIs(t, json.Unmarshal([]byte(`{"R":"gopher://x"}`), &back), ErrBadRecursor)
	require.Empty(t, Recursor{}.String())
}

func FuzzParseRecursor(f *testing.F) {
	for _, s := range []string{"1.1.1.1", "[::1%a]:5", "tls://a.b@9.9.9.9:1", "https://[::1%25x]/a?b", "https://a@1.1.1.1:7/%2f;x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRecursor(s)
		if err != nil {
			return
		}
		back, err := ParseRecursor(r.String())
		if err != nil || back != r {
			t.Fatalf("%q prints as %q, which reads as %q, %v", s, r, back, err)
		}
		if !isWord(r.String()) {
			t.Fatalf("%q prints as %q, which is not one word", s, r)
		}
	})
}
