package dnssec_test

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
)

// Every code of the source, so that none is forgotten.
func TestEveryCodeHasASentence(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^\t\w+\s+Code = "([a-z0-9-]+)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(found), 30)
	said := map[string]dnssec.Code{}
	for _, m := range found {
		c := dnssec.Code(m[1])
		p := dnssec.Problem{Code: c, Zone: name("example.com."), Name: name("a.example.com."), Type: resolver.TypeCNAME}
		s := p.String()
		assert.NotEqual(t, m[1], s, "it has no words")
		assert.NotContains(t, s, "%!")
		assert.Contains(t, s, "example.com.", "%s", c)
		assert.Empty(t, said[s], "%s says the same as %s", c, said[s])
		said[s] = c
	}
}

func TestSentences(t *testing.T) {
	key := dnssec.Key{Tag: 4711, Algorithm: dnssec.ECDSAP256SHA256}
	ds := []dnssec.DS{{Tag: 12345, Algorithm: dnssec.RSASHA256, Digest: dnssec.SHA256}}
	sig := dnssec.Signature{Tag: 4711, Algorithm: dnssec.ECDSAP256SHA256, Signer: name("example.com."), Inception: now.Add(30 * time.Second), Expiration: now.Add(-30 * time.Minute)}
	zone, owner := name("example.com."), name("_a79.example.com.")
	for _, c := range []struct {
		p    dnssec.Problem
		want string
	}{
		{
			dnssec.Problem{Code: dnssec.SignatureExpired, Zone: zone, Name: owner, Type: resolver.TypeCNAME, Key: key, Signature: sig, Off: 30 * time.Minute},
			"the signature over _a79.example.com. CNAME by key 4711 (ECDSAP256SHA256) expired on 2026-11-24 11:30:00 UTC, 30 minutes ago",
		},
		{
			dnssec.Problem{Code: dnssec.SignatureEarly, Zone: zone, Name: owner, Type: resolver.TypeCNAME, Key: key, Signature: sig, Off: time.Second},
			"the signature over _a79.example.com. CNAME by key 4711 (ECDSAP256SHA256) is not valid before 2026-11-24 12:00:30 UTC, 1 second from now",
		},
		{
			dnssec.Problem{Code: dnssec.DSUnmatched, Zone: zone, DS: ds, Keys: []dnssec.Key{key}},
			"no key that example.com. publishes is one that its DS records name: named is key 12345 (RSASHA256) by SHA-256; published is key 4711 (ECDSAP256SHA256)",
		},
		{
			dnssec.Problem{Code: dnssec.KeysMissing, Zone: zone, DS: ds},
			"example.com. has no DNSKEY records, though its DS records name key 12345 (RSASHA256) by SHA-256",
		},
		{
			dnssec.Problem{Code: dnssec.DenialMissing, Zone: zone, Name: owner},
			"no NSEC or NSEC3 records prove that _a79.example.com. does not exist",
		},
		{
			dnssec.Problem{Code: dnssec.AlgorithmUnsupported, Zone: zone, DS: []dnssec.DS{{Tag: 1, Algorithm: 250, Digest: 2}}},
			"the DS records of example.com. name key 1 (algorithm 250) by SHA-256, and none of these algorithms is supported: the zone counts as unsigned (RFC 4035, 5.2)",
		},
	} {
		assert.Equal(t, c.want, c.p.String())
	}
}
