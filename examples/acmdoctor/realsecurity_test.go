package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/internal/realdns"
)

// secured is a zone below the signed domain test., as a signer signed it and as somebody spoiled it afterwards.
type secured struct {
	name  string
	how   realdns.Signing
	more  string // further records
	below string // a label before the domain
	ds    string // "" its own, "none", "wrong"
	// old is how the copy at the second server is signed, where that lags behind.
	old     *realdns.Signing
	spoil   string // what the lines of the zone hold that its second server lacks
	verdict string
	first   string
	says    string // in the first finding's message
}

func securedZones() []secured {
	now := time.Now()
	p256, ed, rsa := realdns.Signing{By: realdns.LDNS, Algorithm: "ECDSAP256SHA256"}, realdns.Signing{By: realdns.BINDTools, Algorithm: "ED25519"},
		realdns.Signing{By: realdns.BINDTools, Algorithm: "RSASHA256", NSEC3: true, Bits: 2048}
	past := p256
	past.From, past.Until = now.AddDate(0, -2, 0), now.AddDate(0, 0, -3)
	iterated := realdns.Signing{By: realdns.LDNS, Algorithm: "ECDSAP256SHA256", NSEC3: true, Iterations: 10, Salt: "aabb"}
	return []secured{
		{name: "ldns", how: p256, verdict: "valid"},
		{name: "bind-ed25519", how: ed, verdict: "valid"},
		{name: "bind-rsa-nsec3", how: rsa, more: `@ CAA 0 issue "amazon.com"`, verdict: "valid"},
		{name: "below", how: rsa, below: "www.", more: "www A 127.0.0.1", verdict: "valid"},
		{name: "unsigned", ds: "none", verdict: "valid"},
		{name: "ds-none", how: past, ds: "none", verdict: "valid"},
		{name: "expired", how: past, verdict: "invalid", first: "dnssec-bogus error", says: "expired on"},
		{name: "ds-mismatch", how: p256, ds: "wrong", verdict: "invalid", first: "dnssec-bogus error", says: "its DS records name"},
		{name: "ds-left-over", ds: "wrong", verdict: "invalid", first: "dnssec-bogus error", says: "no DNSKEY records"},
		{name: "secondary", how: p256, old: &past, verdict: "invalid", first: "dnssec-bogus error", says: "answers does not validate"},
		{
			name: "caa-of-a-secondary", how: p256, more: `@ CAA 0 issue "amazon.com"`, spoil: "RRSIG\tCAA", verdict: "invalid",
			first: "dnssec-bogus error", says: "caa-of-a-secondary.test. CAA is not signed",
		},
		{name: "iterations", how: iterated, verdict: "valid", first: "dnssec-fragile warning", says: "iterations"},
		{name: "caa", how: rsa, more: `@ CAA 0 issue "letsencrypt.org"`, verdict: "invalid", first: "caa-forbids error", says: "letsencrypt.org"},
	}
}

// The tool, as a program, validates what BIND and ldns have signed and BIND, Knot and NSD serve, from a private root.
func TestRealSecurity(t *testing.T) {
	realdns.Require(t, realdns.BIND, realdns.Knot, realdns.NSD)
	n := realdns.New(t)
	root, top, a, b := n.Add(realdns.BIND), n.Add(realdns.Knot), n.Add(realdns.NSD), n.Add(realdns.Knot)
	p256 := realdns.Signing{By: realdns.LDNS, Algorithm: "ECDSAP256SHA256"}
	wrong := realdns.Sign(t, "wrong.test.", "@ NS ns1\nns1 A 127.0.0.1\n", p256)
	var test strings.Builder
	for _, z := range securedZones() {
		zone := z.name + ".test."
		text := realdns.Delegation(zone, a.Addr, b.Addr) + fill("TOKEN."+z.below+zone+" CNAME VALUE\n"+z.more, zone)
		test.WriteString(realdns.Delegation(zone, a.Addr, b.Addr))
		if z.how.By == "" {
			a.Serve(zone, text)
			b.Serve(zone, text)
		} else {
			signed := realdns.Sign(t, zone, text, z.how)
			a.ServeSigned(zone, signed.Text)
			if z.ds == "" {
				test.WriteString(signed.DS + "\n")
			}
			if z.old != nil { // with keys of its own, which are not those that the other server publishes
				signed = realdns.Sign(t, zone, text, *z.old)
			}
			lines := strings.Split(signed.Text, "\n")
			kept := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return z.spoil != "" && strings.Contains(l, z.spoil) })
			require.Equal(t, z.spoil != "", len(kept) < len(lines))
			b.ServeSigned(zone, strings.Join(kept, "\n"))
		}
		if z.ds == "wrong" {
			test.WriteString(strings.ReplaceAll(wrong.DS, "wrong.test.", zone) + "\n")
		}
	}
	signedTest := realdns.Sign(t, "test.", realdns.Delegation("test.", top.Addr)+test.String(), realdns.Signing{By: realdns.BINDTools, Algorithm: "ECDSAP256SHA256", NSEC3: true, OptOut: true})
	top.ServeSigned("test.", signedTest.Text)
	signedRoot := realdns.Sign(t, ".", realdns.Delegation(".", root.Addr)+realdns.Delegation("test.", top.Addr)+signedTest.DS+"\n", realdns.Signing{By: realdns.BINDTools, Algorithm: "RSASHA256", Bits: 2048})
	root.ServeSigned(".", signedRoot.Text)
	n.Start()

	anchors := filepath.Join(t.TempDir(), "root.ds")
	require.NoError(t, os.WriteFile(anchors, []byte("; the private root\n"+signedRoot.DS+"\n"), 0o600))
	other := filepath.Join(t.TempDir(), "other.ds")
	require.NoError(t, os.WriteFile(other, []byte(strings.ReplaceAll(wrong.DS, "wrong.test.", ".")+"\n"), 0o600))
	flags := []string{"--roots", n.Hints(root), "--allow-private", "--resolver", "none", "--port", fmt.Sprint(n.Port)}
	c := tool{build(t), append(flags[:len(flags):len(flags)], "--trust-anchors", anchors)}
	for _, z := range securedZones() {
		t.Run(z.name, func(t *testing.T) {
			r, all, exit := c.check(t, z.below+z.name+".test.")
			assert.Equal(t, z.verdict, r.Verdict, "%s", all)
			assert.Equal(t, exitCodes[z.verdict], exit)
			if z.first == "" {
				assert.Empty(t, r.Findings, "%s", all)
				return
			}
			require.NotEmpty(t, r.Findings, "%s", all)
			assert.Equal(t, z.first, r.Findings[0].Rule+" "+r.Findings[0].Severity, "%s", all)
			assert.Contains(t, r.Findings[0].Message, z.says)
		})
	}
	t.Run("another anchor", func(t *testing.T) {
		r, all, _ := tool{c.path, append(flags[:len(flags):len(flags)], "--trust-anchors", other)}.check(t, "ldns.test.")
		assert.Equal(t, "undetermined", r.Verdict, "%s", all)
		assert.Contains(t, r.Findings[0].Message, "trust anchor")
	})
	t.Run("no anchor for a root of one's own", func(t *testing.T) {
		r, all, _ := tool{c.path, flags}.check(t, "expired.test.")
		assert.Equal(t, "valid", r.Verdict, "%s", all)
	})
}
