package resolvertest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

var signedAt = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// served asks the first server of a zone, or the one given.
func served(t *testing.T, in *resolvertest.Internet, zone, owner string, typ resolver.Type, server string) resolver.Response {
	t.Helper()
	if server == "" {
		for _, z := range in.Zones() {
			if z.Name.String() == zone {
				server = z.NameServers[0].String()
				break
			}
		}
	}
	addrs := in.Addrs(resolver.MustParseName(server))
	require.NotEmpty(t, addrs, "%s of %s", server, zone)
	r, err := in.Resolve(t.Context(), resolver.Question{
		Name: resolver.MustParseName(owner), Type: typ, Server: netip.AddrPortFrom(addrs[0], 53), DNSSEC: true,
	})
	require.NoError(t, err)
	return r
}

// validated follows the chain through the zones and judges one answer of the last.
func validated(t *testing.T, in *resolvertest.Internet, zones []string, owner string, typ resolver.Type, server string) (dnssec.Zone, dnssec.Result) {
	t.Helper()
	anchors, err := dnssec.ParseAnchors(strings.NewReader(in.Anchors()))
	require.NoError(t, err)
	v := dnssec.Validator{Anchors: anchors, Now: signedAt, SHA1: true}
	z := v.Root(served(t, in, ".", ".", resolver.TypeDNSKEY, ""))
	require.Equal(t, dnssec.Secure, z.Status, "%v", z.Why)
	parent := "."
	for i, n := range zones {
		s := ""
		if i == len(zones)-1 {
			s = server
		}
		z = v.Child(z, resolver.MustParseName(n), served(t, in, parent, n, resolver.TypeDS, ""), served(t, in, n, n, resolver.TypeDNSKEY, s))
		parent = n
	}
	return z, v.Answer(z, served(t, in, parent, owner, typ, server))
}

const signedZone = `
@ A 192.0.2.80
_a79 CNAME _424.acm-validations.aws.
*.w A 192.0.2.81
*.c CNAME a.example.com.
a A 192.0.2.82
deep.ent A 192.0.2.83
d DNAME a
insecure NS ns1.elsewhere.net.
Mixed SRV 1 2 3 Host.Example.COM.
`

func TestSignedZonesValidate(t *testing.T) {
	for _, how := range []string{
		"", "8", "RSASHA512", "7 nsec3", "5", "13", "14", "15", "nsec3", "nsec3 opt-out", "nsec3 iterations 5 salt aabb", "15 nsec3 opt-out", "compact",
	} {
		in := resolvertest.MustParse("$ORIGIN example.com. ; signed " + how + signedZone)
		for _, c := range []struct {
			owner    string
			typ      resolver.Type
			wildcard string
		}{
			{"example.com.", resolver.TypeA, ""},
			{"example.com.", resolver.TypeSOA, ""},
			{"example.com.", resolver.TypeANY, ""},
			{"_a79.example.com.", resolver.TypeCNAME, ""},
			{"_a79.example.com.", resolver.TypeTXT, ""},
			{"a.example.com.", resolver.TypeCAA, ""},
			{"nothing.example.com.", resolver.TypeCNAME, ""},
			{"nothing.at.all.example.com.", resolver.TypeCNAME, ""},
			{"zzz.example.com.", resolver.TypeCNAME, ""},
			{"ent.example.com.", resolver.TypeCNAME, ""},
			{"x.y.w.example.com.", resolver.TypeA, "*.w.example.com."},
			{"x.w.example.com.", resolver.TypeCNAME, "*.w.example.com."},
			{"x.c.example.com.", resolver.TypeA, "*.c.example.com."},
			{"x.d.example.com.", resolver.TypeCNAME, ""},
			{"mixed.example.com.", 33, ""},
			{"insecure.example.com.", resolver.TypeDS, ""},
		} {
			t.Run(fmt.Sprintf("%s/%s %s", how, c.owner, c.typ), func(t *testing.T) {
				z, r := validated(t, in, []string{"com.", "example.com."}, c.owner, c.typ, "")
				require.Equal(t, dnssec.Secure, z.Status, "%v", z.Why)
				switch want := dnssec.Secure; {
				case strings.Contains(how, "opt-out") && r.Status != dnssec.Secure: // denials by opt-out prove less
					assert.Equal(t, dnssec.OptOut, r.Why[0].Code)
				default:
					assert.Equal(t, want, r.Status, "%v", r.Why)
				}
				if how != "compact" {
					assert.Equal(t, c.wildcard, r.Wildcard.String())
				}
				assert.Equal(t, strings.Contains(c.owner, "nothing") || c.owner == "zzz.example.com.", r.Meaning == resolver.NoSuchName, "%s", r.Meaning)
			})
		}
	}
}

func TestSigningFaults(t *testing.T) {
	stale := "$ORIGIN example.com. ; on ns1.example.com. ; signed" + signedZone + "$ORIGIN example.com. ; on ns2.example.com. ; signed ; expired by 100h" + signedZone
	for _, c := range []struct {
		zones  string
		server string
		status dnssec.Status
		why    dnssec.Code
		says   string
	}{
		{"$ORIGIN example.com.", "", dnssec.Insecure, dnssec.DSAbsent, "com. proves that it has no DS records for example.com."},
		{"$ORIGIN example.com. ; ds wrong", "", dnssec.Bogus, dnssec.KeysMissing, ""},
		{"$ORIGIN example.com. ; signed ; ds wrong", "", dnssec.Bogus, dnssec.DSUnmatched, ""},
		{"$ORIGIN example.com. ; signed ; ds none", "", dnssec.Insecure, dnssec.DSAbsent, ""},
		{"$ORIGIN example.com. ; signed ; ds algorithm 250", "", dnssec.Insecure, dnssec.AlgorithmUnsupported, ""},
		{"$ORIGIN example.com. ; signed ; ds digest 99", "", dnssec.Insecure, dnssec.DigestUnsupported, ""},
		{"$ORIGIN example.com. ; signed ; expired", "", dnssec.Bogus, dnssec.SignatureExpired, "example.com. DNSKEY by key"},
		{"$ORIGIN example.com. ; signed ; expired CNAME", "", dnssec.Bogus, dnssec.SignatureExpired, "expired on 2026-11-23 12:00:00 UTC, 24 hours ago"},
		{"$ORIGIN example.com. ; signed ; early CNAME by 90m", "", dnssec.Bogus, dnssec.SignatureEarly, "90 minutes from now"},
		{"$ORIGIN example.com. ; signed ; altered CNAME", "", dnssec.Bogus, dnssec.SignatureWrong, ""},
		{"$ORIGIN example.com. ; signed ; no-signature CNAME", "", dnssec.Bogus, dnssec.SignatureMissing, ""},
		{"$ORIGIN example.com. ; signed ; no-signature", "", dnssec.Bogus, dnssec.SignatureMissing, "example.com. DNSKEY is not signed"},
		{"$ORIGIN example.com. ; signed ; no-keys", "", dnssec.Bogus, dnssec.KeysMissing, ""},
		{"$ORIGIN com. ; no-denial\n$ORIGIN example.com.", "", dnssec.Bogus, dnssec.DenialMissing, ""},
		{"$ORIGIN com. ; unsigned\n$ORIGIN example.com. ; signed", "", dnssec.Insecure, dnssec.DSAbsent, ". proves that it has no DS records for com."},
		{"$ORIGIN com. ; expired DS\n$ORIGIN example.com. ; signed", "", dnssec.Bogus, dnssec.SignatureExpired, "example.com. DS by key"},
		{"$ORIGIN com. ; signed nsec3 opt-out\n$ORIGIN example.com.", "", dnssec.Insecure, dnssec.OptOut, ""},
		{"$ORIGIN com. ; signed nsec3 iterations 500\n$ORIGIN example.com.", "", dnssec.Insecure, dnssec.NSEC3Iterations, ""},
		{"$ORIGIN com. ; signed compact\n$ORIGIN example.com.", "", dnssec.Insecure, dnssec.DSAbsent, ""},
		{stale, "ns1.example.com.", dnssec.Secure, "", ""},
		{stale, "ns2.example.com.", dnssec.Bogus, dnssec.SignatureExpired, "4 days ago"},
	} {
		text := c.zones
		if c.server == "" {
			text += signedZone
		}
		t.Run(strings.SplitN(text, "\n@", 2)[0]+c.server, func(t *testing.T) {
			in := resolvertest.MustParse(text)
			_, r := validated(t, in, []string{"com.", "example.com."}, "_a79.example.com.", resolver.TypeCNAME, c.server)
			assert.Equal(t, c.status, r.Status, "%v", r.Why)
			if c.why != "" {
				require.NotEmpty(t, r.Why)
				assert.Equal(t, c.why, r.Why[0].Code, "%s", r.Why[0])
				assert.Contains(t, r.Why[0].String(), c.says)
			}
		})
	}
}

// A signed zone brings the chain above it, and a change in it is signed at once.
func TestSigningFollowsWhatIsThere(t *testing.T) {
	in := resolvertest.MustParse("$ORIGIN example.com.\na A 192.0.2.1\n$ORIGIN sub.example.com. ; signed\n_a79 CNAME old.example.net.\n")
	chain := []string{"com.", "example.com.", "sub.example.com."}
	ask := func() dnssec.Result {
		_, r := validated(t, in, chain, "_a79.sub.example.com.", resolver.TypeCNAME, "")
		return r
	}
	require.Equal(t, dnssec.Secure, ask().Status)
	sub, owner := resolver.MustParseName("sub.example.com."), resolver.MustParseName("_a79.sub.example.com.")
	require.NoError(t, in.SetRRset(sub, owner, resolver.TypeCNAME, 300, []string{"new.example.net."}))
	require.Equal(t, dnssec.Secure, ask().Status)
	require.NoError(t, in.SetRRset(sub, owner, resolver.TypeCNAME, 300, nil))
	r := ask()
	require.Equal(t, dnssec.Secure, r.Status, "%v", r.Why)
	require.Equal(t, resolver.NoSuchName, r.Meaning)
	// A registrar drops the DS record.
	require.NoError(t, in.SetRRset(resolver.MustParseName("example.com."), sub, resolver.TypeDS, 300, nil))
	r = ask()
	assert.Equal(t, dnssec.Insecure, r.Status)
	assert.Equal(t, dnssec.DSAbsent, r.Why[0].Code)
}

func TestSignaturesAreTheSameEachTime(t *testing.T) {
	for _, how := range []string{"13", "14", "15", "8"} {
		text := "$ORIGIN example.com. ; signed " + how + signedZone
		a, b := resolvertest.MustParse(text), resolvertest.MustParse(text)
		x := served(t, a, "example.com.", "_a79.example.com.", resolver.TypeCNAME, "")
		y := served(t, b, "example.com.", "_a79.example.com.", resolver.TypeCNAME, "")
		assert.Equal(t, x.Answer, y.Answer)
		assert.Equal(t, a.Anchors(), b.Anchors())
		a.Moment = signedAt.AddDate(1, 0, 0)
	}
}

// RFC 3225, 3; RFC 4035, 3.2.1: without DO there is nothing of it in an answer.
func TestWithoutDOThereIsNoDNSSEC(t *testing.T) {
	for _, how := range []string{"nsec", "nsec3", "compact"} {
		in := resolvertest.MustParse("$ORIGIN example.com. ; signed " + how + signedZone)
		for _, owner := range []string{"_a79.example.com.", "nothing.example.com.", "x.w.example.com.", "a.insecure.example.com."} {
			r, err := in.Resolve(t.Context(), resolver.Question{
				Name: resolver.MustParseName(owner), Type: resolver.TypeA, Server: netip.AddrPortFrom(in.Addrs(resolver.MustParseName("ns1.example.com."))[0], 53),
			})
			require.NoError(t, err)
			assert.Equal(t, owner == "nothing.example.com.", r.RCode == resolver.NXDomain)
			for _, rr := range append(r.Answer, r.Authority...) {
				assert.NotContains(t, []resolver.Type{resolver.TypeRRSIG, resolver.TypeNSEC, resolver.TypeNSEC3, resolver.TypeDS}, rr.Type, "%s", rr)
			}
		}
	}
}

func TestParseSigningErrors(t *testing.T) {
	for text, want := range map[string]string{
		"signed 99":                `found "99"`,
		"signed nsec4":             `found "nsec4"`,
		"signed nsec3 iterations":  "must be followed by a number",
		"signed iterations 2501":   "expected a number up to 2500",
		"signed salt xy":           "expected octets in hexadecimal",
		"unsigned please":          "takes nothing",
		"ds":                       "must be followed by",
		"ds lost":                  `found "lost"`,
		"ds algorithm 256":         "expected a number up to 255",
		"expired NOTATYPE":         "not a record type",
		"expired CNAME by tuesday": "expected a duration",
		"bogus":                    "expected \"on SERVER…\"",
	} {
		_, err := resolvertest.Parse("$ORIGIN example.com. ; " + text)
		require.ErrorIs(t, err, resolvertest.ErrText, text)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "line 1")
	}
}
