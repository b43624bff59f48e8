package validate_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// Where a server is silent or of no use, what came from each address is told by family and transport.
func TestWaysInAreTold(t *testing.T) {
	for world, lines := range map[string][]string{
		"server-lame-all-fail":    {"SERVFAIL over UDP; SERVFAIL over TCP"},
		"server-lame-no-aa":       {"no authority over UDP; no authority over TCP"},
		"server-lame":             {"an answer over UDP, with EDNS", "REFUSED over UDP; REFUSED over TCP"},
		"server-unreachable":      {"UDP without, TCP", "an answer over UDP, with EDNS"},
		"server-unreachable-ipv6": {"IPv4 an answer over UDP, with EDNS", "IPv6 nothing over UDP with EDNS, UDP without, TCP"},
		"server-unreachable-edns": {"nothing with EDNS, an answer over UDP without", "an answer over UDP, with EDNS"},
		"server-unreachable-tcp":  {"UDP cut short, TCP nothing"},
	} {
		text, err := os.ReadFile("testdata/worlds/" + world + ".txt")
		require.NoError(t, err)
		w, err := validatetest.ParseWorld(world, string(text))
		require.NoError(t, err)
		in, err := w.Internet()
		require.NoError(t, err)
		rep := checkOverPackets(t, w, in)
		require.NotEmpty(t, rep.Findings)
		require.True(t, strings.HasPrefix(world, string(rep.Findings[0].Rule)), world)
		for _, l := range lines {
			assert.Contains(t, strings.Join(strings.Fields(rep.Findings[0].Evidence[0].Text), " "), l, world)
		}
	}
}

func checkOverPackets(t *testing.T, w validatetest.World, in *resolvertest.Internet) validate.Report {
	t.Helper()
	var rep validate.Report
	c, err := w.Checker(in, &resolver.Client{Dial: in.Dial, AllowPrivate: true})
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		rep, err = c.Check(t.Context(), w.Record)
		require.NoError(t, err)
	})
	return rep
}

// Where nobody could be asked because of what the check was given, that is said, and no server is blamed.
func TestNobodyToAskByTheCheckItself(t *testing.T) {
	text, err := os.ReadFile("testdata/worlds/healthy.txt")
	require.NoError(t, err)
	w, err := validatetest.ParseWorld("healthy.txt", string(text))
	require.NoError(t, err)
	w.Zones += "@ NS ns1\nns1 AAAA 2001:db8::11\n"
	in, err := w.Internet()
	require.NoError(t, err)
	c, err := w.Checker(in, in)
	require.NoError(t, err)
	first := func() validate.Finding {
		rep, err := c.Check(t.Context(), w.Record)
		require.NoError(t, err)
		require.Equal(t, validate.Undetermined, rep.Verdict)
		require.Equal(t, validate.ID("server-unreachable"), rep.Findings[0].Rule)
		return rep.Findings[0]
	}
	c.Family = resolver.IPv4Only
	assert.Equal(t, "the name servers of example.com. have addresses of IPv6 only, and this check asks over IPv4 alone", first().Message)
	c.Family = resolver.BothFamilies
	c.Roots = []resolver.NameServer{{Name: resolver.MustParseName("a.root."), Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.99")}}}
	assert.Contains(t, first().Fixes[0].Message, "--roots")
}

// Where no server of the zone helps, it is said who else did, and what can be done: nobody can take every server out of a delegation.
func TestNoServerOfTheZoneHelps(t *testing.T) {
	for zones, c := range map[string]struct{ faults, message, fix, evidence string }{
		"silent": {"drop", "; those of com. did, so this machine's network is not the likely cause", "must open 53/udp and 53/tcp", "no answer in time"},
		"lame":   {"refused", "no name server of example.com. serves the zone", "; or, where another host has the zone, name its servers in place of these in the delegation", "REFUSED"},
	} {
		in := resolvertest.MustParse("$ORIGIN example.com.\n_a79 CNAME _424.xyz.acm-validations.aws.\n")
		for _, server := range []string{"ns1", "ns2"} {
			in.Fault(resolvertest.MustParseFault(server + ".example.com. " + c.faults))
		}
		roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
		require.NoError(t, err)
		rep, err := (&validate.Checker{Resolver: in, Roots: roots}).Check(t.Context(), healthyRecord(t))
		require.NoError(t, err)
		require.NotEmpty(t, rep.Findings, zones)
		f := rep.Findings[0]
		assert.Contains(t, f.Message, c.message)
		assert.Contains(t, f.Fixes[0].Message, c.fix)
		assert.Contains(t, f.Evidence[len(f.Evidence)-1].Text, c.evidence)
	}

	roots := []resolver.NameServer{{Name: resolver.MustParseName("a.root."), Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}}
	rep, err := (&validate.Checker{Resolver: &resolver.Client{}, Roots: roots}).Check(t.Context(), healthyRecord(t))
	require.NoError(t, err)
	require.NotEmpty(t, rep.Findings)
	assert.Contains(t, rep.Findings[0].Fixes[0].Message, "give root hints (--roots) with public addresses")
	assert.Contains(t, rep.Findings[0].Evidence[1].Text, ", not asked for ", "nobody was")
}
