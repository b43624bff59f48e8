package validate_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
)

// Zones that real programs have signed, on real servers, from the root down: a check must see what a CA sees that validates.
func TestSignedZonesOnRealServers(t *testing.T) {
	const record = "_a79 CNAME _424.xyz.acm-validations.aws.\n"
	realdns.Require(t, realdns.NSD, realdns.BIND)
	by := func(s realdns.Signer, algorithm string) realdns.Signing {
		return realdns.Signing{By: s, Algorithm: algorithm}
	}
	p256 := by(realdns.LDNS, "ECDSAP256SHA256")
	nsec3 := by(realdns.BINDTools, "ECDSAP256SHA256")
	nsec3.NSEC3 = true
	past := p256
	past.From, past.Until = time.Now().AddDate(0, -1, 0), time.Now().AddDate(0, 0, -2)

	n := realdns.New(t)
	root, tld := n.Add(realdns.NSD), n.Add(realdns.BIND)
	leaves := []*realdns.Server{n.Add(realdns.NSD), n.Add(realdns.BIND)}
	stories := []struct {
		name    string
		how     []realdns.Signing // of each server's copy; none: not signed. The keys are those of the first
		ds      func(ds string) string
		spoil   func(text string) string // the second server's copy
		content string
		verdict validate.Verdict
		says    string // what dnssec-bogus says; "": it does not speak
	}{
		{name: "healthy-nsec", how: []realdns.Signing{p256}, verdict: validate.Valid},
		{name: "healthy-nsec3", how: []realdns.Signing{nsec3}, verdict: validate.Valid},
		{name: "healthy-ed25519", how: []realdns.Signing{by(realdns.BINDTools, "ED25519")}, verdict: validate.Valid},
		{name: "healthy-rsa", how: []realdns.Signing{by(realdns.LDNS, "RSASHA256")}, verdict: validate.Valid},
		{name: "healthy-unsigned", verdict: validate.Valid},
		{name: "healthy-wildcard", how: []realdns.Signing{nsec3}, content: "* CNAME _424.xyz.acm-validations.aws.\n", verdict: validate.Valid},
		{name: "signed-without-ds", how: []realdns.Signing{p256}, ds: func(string) string { return "" }, verdict: validate.Valid},
		{name: "missing", how: []realdns.Signing{p256}, content: "www A 127.0.0.1\n", verdict: validate.Invalid},
		{
			name: "ds-left-over", ds: func(string) string { return "DS 12345 13 2 " + strings.Repeat("ab", 32) },
			verdict: validate.Invalid, says: "has no DNSKEY records",
		},
		{
			name: "ds-of-another-key", how: []realdns.Signing{p256}, ds: func(string) string { return "DS 12345 13 2 " + strings.Repeat("ab", 32) },
			verdict: validate.Invalid, says: "named is key 12345 (ECDSAP256SHA256)",
		},
		{
			name: "ds-of-an-unknown-algorithm", how: []realdns.Signing{p256}, ds: func(string) string { return "DS 12345 250 2 " + strings.Repeat("ab", 32) },
			verdict: validate.Valid,
		},
		{name: "expired", how: []realdns.Signing{past}, verdict: validate.Invalid, says: "2 days ago"},
		{
			name: "one-copy-altered", how: []realdns.Signing{p256}, verdict: validate.Invalid, says: "_a79.one-copy-altered.test. CNAME is not signed",
			spoil: func(s string) string {
				return strings.Join(slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool {
					return strings.HasPrefix(l, "_a79.") && strings.Contains(l, "RRSIG\tCNAME")
				}), "\n")
			},
		},
	}
	delegations := realdns.Delegation("test.", tld.Addr)
	for _, s := range stories {
		zone := s.name + ".test."
		servers := realdns.Delegation(zone, leaves[0].Addr, leaves[1].Addr)
		delegations += servers
		content := s.content
		if content == "" {
			content = record
		}
		ds := ""
		if len(s.how) == 0 {
			for _, l := range leaves {
				l.Serve(zone, servers+content)
			}
		} else {
			signed := realdns.Sign(t, zone, servers+content, s.how[0])
			ds = signed.DS[strings.Index(signed.DS, "DS"):]
			for i, l := range leaves {
				text := signed.Text
				if i > 0 && s.spoil != nil {
					text = s.spoil(text)
					require.NotEqual(t, signed.Text, text)
				}
				l.ServeSigned(zone, text)
			}
		}
		if s.ds != nil {
			ds = s.ds(ds)
		}
		if ds != "" {
			delegations += zone + " " + ds + "\n"
		}
	}
	test := realdns.Sign(t, "test.", delegations, nsec3)
	tld.ServeSigned("test.", test.Text)
	top := realdns.Sign(t, ".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", tld.Addr)+test.DS+"\n", by(realdns.LDNS, "RSASHA256"))
	root.ServeSigned(".", top.Text)
	n.Start()

	hints, err := os.Open(n.Hints(root))
	require.NoError(t, err)
	defer hints.Close()
	roots, err := resolver.ParseHints(hints)
	require.NoError(t, err)
	anchors, err := dnssec.ParseAnchors(strings.NewReader(top.DS))
	require.NoError(t, err)
	c := validate.Checker{Resolver: &resolver.Client{AllowPrivate: true}, Roots: roots, Anchors: anchors, Port: n.Port}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			r, _, err := validate.ParseRecord("", "_a79."+s.name+".test.", "_424.xyz.acm-validations.aws.")
			require.NoError(t, err)
			rep, err := c.Check(t.Context(), r)
			require.NoError(t, err)
			var text strings.Builder
			require.NoError(t, rep.WriteText(&text, validate.Text{}))
			assert.Equal(t, s.verdict, rep.Verdict, "%s", text.String())
			said := ""
			for _, f := range rep.Findings {
				if f.Rule == "dnssec-bogus" {
					said += f.Message + "\n"
				}
			}
			if s.says == "" {
				assert.Empty(t, said)
				return
			}
			assert.Contains(t, said, s.says)
			if s.spoil != nil {
				assert.Contains(t, said, fmt.Sprintf("ns2.%s.test. (%s)", s.name, netip.AddrPortFrom(leaves[1].Addr, 0).Addr()))
				assert.NotContains(t, said, leaves[0].Addr.String()+")")
			}
		})
	}
}
