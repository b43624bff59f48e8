package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

func TestWhichResolversAreComparedWith(t *testing.T) {
	hints := filepath.Join(t.TempDir(), "named.root")
	require.NoError(t, os.WriteFile(hints, []byte(". 3600000 NS a.test.\na.test. 3600000 A 127.0.0.1\n"), 0o600))
	for name, c := range map[string]struct {
		flags dnsFlags
		want  []string
		own   bool
	}{
		"by default":             {dnsFlags{}, []string{"1.1.1.1", "8.8.8.8", "9.9.9.9"}, true},
		"over IPv6 only":         {dnsFlags{ipv6: true}, []string{"2606:4700:4700::1111", "2001:4860:4860::8888", "2620:fe::fe"}, true},
		"with roots of our own":  {dnsFlags{roots: hints}, nil, false},
		"and resolvers to match": {dnsFlags{roots: hints, resolvers: []string{"127.0.0.1:5353"}}, []string{"127.0.0.1:5353"}, false},
		"none":                   {dnsFlags{resolvers: []string{"none"}}, nil, false},
		"only own":               {dnsFlags{resolvers: []string{"own"}}, nil, true},
		"of all kinds": {
			dnsFlags{resolvers: []string{"[2620:fe::fe]:53", "tls://dns.quad9.net@9.9.9.9", "https://dns.google/dns-query"}},
			[]string{"2620:fe::fe", "tls://dns.quad9.net@9.9.9.9", "https://dns.google/dns-query"},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.flags.port = 53
			checker, err := c.flags.checker(func(string) {})
			require.NoError(t, err)
			var got []string
			for _, w := range checker.Witnesses {
				got = append(got, w.String())
			}
			assert.Equal(t, c.want, got)
			if !c.own {
				assert.True(t, checker.Own.IsZero())
			} else {
				assert.Equal(t, readOwnResolver(checker.Family), checker.Own)
			}
		})
	}
	for _, bad := range [][]string{{"none", "1.1.1.1"}, {"dns.google"}, {"http://dns.google/dns-query"}, {""}} {
		_, err := (&dnsFlags{port: 53, resolvers: bad}).checker(func(string) {})
		assert.ErrorContains(t, err, "--resolver", bad)
	}
}

func TestFirstNameserver(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"search example.com\n": "",
		"# x\nnameserver 10.0.0.2\nnameserver 1.1.1.1\n":                                            "10.0.0.2",
		"nameserver\nnameserver localhost\nnameserver tls://9.9.9.9\nnameserver\t127.0.0.53 # stub": "127.0.0.53",
		"nameserver fe80::1%eth0\n":                                                                 "fe80::1%eth0",
	} {
		assert.Equal(t, want, firstNameserver(strings.NewReader(text), resolver.BothFamilies).String(), text)
	}
	const both = "nameserver 10.0.0.2\nnameserver fd00::2\n"
	assert.Equal(t, "fd00::2", firstNameserver(strings.NewReader(both), resolver.IPv6Only).String())
	assert.Equal(t, "10.0.0.2", firstNameserver(strings.NewReader(both), resolver.IPv4Only).String())
}

// The tool compares with the resolvers that it is given, keeps what they said, and replays it byte for byte.
func TestCheckComparesWithResolvers(t *testing.T) {
	b := newBed(t)
	v, err := resolvertest.ParseView(bedResolver + " _a79.good.test. CNAME 240 nxdomain")
	require.NoError(t, err)
	b.in.View(v)
	at := bedResolver + ":" + b.flags[len(b.flags)-1]
	flags := append([]string{"check"}, b.flags...)
	for i, f := range flags {
		if f == "none" {
			flags[i] = at
		}
	}
	file := filepath.Join(t.TempDir(), "dns.txt")
	var out, errs bytes.Buffer
	code := run(t.Context(), append(append(flags, "--json", "--transcript", file), typed("good.test")...), strings.NewReader(""), &out, &errs)
	require.Equal(t, 0, code, errs.String())
	var doc struct {
		document
		ETA          string
		Perspectives []struct{ Resolver, Says, Until string }
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &doc))
	assert.Equal(t, "valid", doc.Verdict)
	require.Len(t, doc.Findings, 1)
	assert.Equal(t, "answer-stale", doc.Findings[0].Rule)
	require.Len(t, doc.Perspectives, 1)
	assert.Equal(t, at, doc.Perspectives[0].Resolver)
	assert.Equal(t, string(validate.SaysNoName), doc.Perspectives[0].Says)
	assert.Equal(t, doc.ETA, doc.Perspectives[0].Until)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(text), "note resolver "+at+"\n")
	assert.Contains(t, string(text), "ask recursor="+at+" _a79.good.test. CNAME rd do\n")

	first := out.String()
	out.Reset()
	code = run(t.Context(), []string{"check", "--replay", file, "--json"}, strings.NewReader(""), &out, &errs)
	require.Equal(t, 0, code, errs.String())
	strip := func(s string) string {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(s), &m))
		delete(m, "elapsed_ms")
		b, err := json.Marshal(m)
		require.NoError(t, err)
		return string(b)
	}
	assert.Equal(t, strip(first), strip(out.String()))
}
