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

// Where a server is silent, what came from each address is told by family and transport.
func TestWaysInAreTold(t *testing.T) {
	for world, lines := range map[string][]string{
		"server-unreachable":      {"UDP without, TCP", "an answer over UDP, with EDNS"},
		"server-unreachable-ipv6": {"IPv4 an answer over UDP, with EDNS", "IPv6 nothing over UDP with EDNS, UDP without, TCP"},
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
		require.Equal(t, validate.ID("server-unreachable"), rep.Findings[0].Rule, world)
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
