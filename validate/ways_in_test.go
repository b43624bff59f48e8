package validate_test

import (
	"os"
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
		"server-unreachable-ipv6": {"IPv4  an answer over UDP, with EDNS", "IPv6  nothing over UDP with EDNS, UDP without, TCP"},
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
			assert.Contains(t, rep.Findings[0].Evidence[0].Text, l, world)
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
