package rfc2136_test

import (
	"strings"
	"testing"

	libdns "github.com/libdns/rfc2136"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/providers/rfc2136"
)

func TestParseKeys(t *testing.T) {
	a := rfc2136.Key{Name: "acmdoctor.", Algorithm: "hmac-sha256.", Secret: "bWFya2Vy"}
	b := rfc2136.Key{Name: "b.example.", Algorithm: "hmac-sha512.", Secret: "b3RoZXI="}
	for text, want := range map[string][]rfc2136.Key{
		"key \"acmdoctor\" {\n\talgorithm hmac-sha256;\n\tsecret \"bWFya2Vy\";\n};\n": {a}, // as tsig-keygen writes it
		`key acmdoctor. { secret bWFya2Vy; algorithm HMAC-SHA256; };`:                 {a},
		`key "acmdoctor"{algorithm "hmac-sha256";secret "bWFya2Vy";}`:                 {a},
		`# Knot and people put comments here
// in each
/* of three
   ways */ key "acmdoctor" { algorithm hmac-sha256; /* here, too */ secret "bWFya2Vy"; }; // and here
options { directory "/var/cache/bind"; listen-on { 192.0.2.1; }; };
key b.example { algorithm hmac-sha512; secret "b3Ro
ZXI="; };`: nil, // a string does not run over lines
		`options { directory "x"; }; key acmdoctor { algorithm hmac-sha256; secret "bWFya2Vy"; }; key b.example { algorithm hmac-sha512; secret "b3RoZXI="; };`:                                                                                     {a, b},
		"# hmac-sha256:acmdoctor:bWFya2Vy\nkey:\n  - id: acmdoctor\n    algorithm: hmac-sha256\n    secret: bWFya2Vy\n":                                                                                                                             {a}, // as keymgr -t writes it
		"server:\n    listen: 192.0.2.1@53\n\nkey:\n- id: \"acmdoctor.\" # ours\n  secret: bWFya2Vy\n  algorithm: hmac-sha256\n\n  - id: b.example\n    algorithm: hmac-sha512\n    secret: b3RoZXI=\nacl:\n  - id: update\n    key: [acmdoctor]\n": {a, b},
		"key:\n  - id: acmdoctor\n    algorithm: hmac-sha256\n    secret: marker-secret\n":                                                                                                                                                          nil,
		"key:\n    algorithm: hmac-sha256\n":                   nil,
		"key:\n  - marker-secret\n":                            nil,
		"key:\n":                                               nil,
		"hmac-sha256:acmdoctor:bWFya2Vy\n":                     {a},
		" acmdoctor.:bWFya2Vy ":                                {a},
		"HMAC-SHA512.:B.example.:b3RoZXI=":                     {b},
		"hmac-sha256:acmdoctor://8=":                           {{Name: "acmdoctor.", Algorithm: "hmac-sha256.", Secret: "//8="}}, // no comment
		"":                                                     nil,
		"acmdoctor":                                            nil,
		"a:b:c:d":                                              nil,
		"hmac-md5:acmdoctor:bWFya2Vy":                          nil,
		"hmac-foo:acmdoctor:bWFya2Vy":                          nil,
		"hmac-sha256:acmdoctor:marker-secret":                  nil,
		"hmac-sha256::bWFya2Vy":                                nil,
		"options { };":                                         nil,
		`key "acmdoctor" { algorithm hmac-sha256; };`:          nil,
		`key "acmdoctor" { secret "marker-secret"; `:           nil,
		`key "acmdoctor" { secret "bWFya2Vy"`:                  nil,
		`key "acmdoctor" "marker-secret";`:                     nil,
		`key { algorithm hmac-sha256; };`:                      nil,
		`key "acmdoctor" { algorithm hmac-sha256; secre x; };`: nil,
		`/* key "acmdoctor" { `:                                nil,
		`options { directory "x"; }`:                           nil,
	} {
		got, err := rfc2136.ParseKeys(text)
		if want == nil {
			require.ErrorIs(t, err, rfc2136.ErrBadKey, text)
			silentAbout(t, err.Error())
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		_, err = rfc2136.New(got[0].Provider("192.0.2.1"))
		require.NoError(t, err)
	}
	_, err := rfc2136.ParseKeys("key \"acmdoctor\" {\n algorithm hmac-sha256;\n secret \"!\";\n};")
	require.ErrorContains(t, err, "line 4")
	_, err = rfc2136.ParseKeys("acl:\n  - id: x\nkey:\n  - id: acmdoctor\n    secret: \"!\"\n  - id: b\n")
	require.ErrorContains(t, err, "line 6")
}

func FuzzParseKeys(f *testing.F) {
	f.Add("key \"acmdoctor\" {\n\talgorithm hmac-sha256;\n\tsecret \"bWFya2Vy\";\n};\n")
	f.Add("hmac-sha256:acmdoctor:bWFya2Vy")
	f.Add("key:\n  - id: acmdoctor\n    algorithm: hmac-sha256\n    secret: bWFya2Vy\n")
	f.Add("/* x */ // y\n# z\noptions { a { b; }; }; key x { secret y; algorithm z; };")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := rfc2136.ParseKeys(text)
		if err != nil {
			require.ErrorIs(t, err, rfc2136.ErrBadKey)
			require.Empty(t, keys)
			return
		}
		require.NotEmpty(t, keys)
		for _, k := range keys { // what was read is a key, and reads back as itself in both forms
			_, err := rfc2136.New(k.Provider("192.0.2.1"))
			require.NoError(t, err)
			if strings.ContainsAny(k.Name, ":\\\"#") {
				continue
			}
			for _, form := range []string{
				k.Algorithm + ":" + k.Name + ":" + string(k.Secret),
				`key "` + k.Name + `" { algorithm ` + k.Algorithm + `; secret "` + string(k.Secret) + `"; };`,
				"key:\n  - id: " + k.Name + "\n    algorithm: " + k.Algorithm + "\n    secret: " + string(k.Secret) + "\n",
			} {
				back, err := rfc2136.ParseKeys(form)
				require.NoError(t, err, form)
				require.Equal(t, []rfc2136.Key{k}, back)
			}
		}
	})
}

func TestNew(t *testing.T) {
	for _, server := range []string{
		"192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5353", "ns1.example.com", "ns1.example.com:53", " 192.0.2.1 ",
	} {
		_, err := rfc2136.New(&libdns.Provider{Server: server})
		require.NoError(t, err, server)
	}
	for _, server := range []string{"", " ", ":53", "192.0.2.1:dns5353", "192.0.2.1:99999", "http://192.0.2.1", "a b", "2001:db8::zz:53"} {
		_, err := rfc2136.New(&libdns.Provider{Server: server})
		require.ErrorIs(t, err, rfc2136.ErrBadConfig, server)
	}
	for _, config := range []string{
		``, `[]`, `"x"`, `{}`, `{"server":"192.0.2.1"} {}`, `{"server":1}`, `{"server":"192.0.2.1","key":"bWFya2Vy"}`,
		`{"server":"192.0.2.1","key_name":"acmdoctor"}`, `{"server":"192.0.2.1","key_name":"acmdoctor","key":12345}`,
	} {
		_, err := rfc2136.Open([]byte(config))
		require.ErrorIs(t, err, providers.ErrBadConfig, config)
		require.NotContains(t, err.Error(), "12345")
	}
	c, err := rfc2136.Open([]byte(`{"server":"192.0.2.1:53","key_name":"acmdoctor.","key_alg":"hmac-sha256.","key":"bWFya2Vy"}`))
	require.NoError(t, err)
	require.Equal(t, "rfc2136", c.Name())
}
