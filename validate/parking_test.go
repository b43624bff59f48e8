package validate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
)

func TestParkingTable(t *testing.T) {
	rows, err := readTable(parkingTable, 3)
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, r := range rows {
		assert.False(t, seen[r[0]], "%s stands twice", r[0])
		seen[r[0]] = true
		assert.Regexp(t, regexp.MustCompile(`^(\*\.)?([a-z0-9-]+\.)+[a-z]+$`), r[0])
		assert.Contains(t, []string{"", "unverified"}, r[2], r[0])
		_, ok := parkedAt([]resolver.Name{resolver.MustParseName(strings.ReplaceAll(r[0], "*", "ns1"))})
		assert.True(t, ok, r[0])
		// Whoever serves ordinary zones at these names is no host that we know by others.
		assert.Empty(t, HostsOf([]resolver.Name{resolver.MustParseName(strings.ReplaceAll(r[0], "*", "ns1"))}), r[0])
	}
	_, err = parseParking("x.example.com\tbroken\t\n")
	assert.ErrorContains(t, err, `"broken"`)
	_, err = parseParking("x.example.com parked\n")
	assert.Error(t, err)
}

func TestParkedAt(t *testing.T) {
	for _, c := range []struct {
		servers string
		kind    parkingKind
	}{
		{"ns1.sedoparking.com. ns2.sedoparking.com.", parked},
		{"dns1.name-services.com. dns2.name-services.com.", suspendedOrNot},
		{"ns1.suspended-domain.com. dns2.name-services.com.", suspendedOrNot}, // the weakest that one of them means
		{"ns1.sedoparking.com. ns1.host.net.", ""},
		{"sedoparking.com.", ""},
		{"", ""},
	} {
		var servers []resolver.Name
		for _, s := range strings.Fields(c.servers) {
			servers = append(servers, resolver.MustParseName(s))
		}
		kind, ok := parkedAt(servers)
		assert.Equal(t, c.kind, kind, c.servers)
		assert.Equal(t, c.kind != "", ok, c.servers)
	}
}
