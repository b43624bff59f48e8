package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

// Two copies of one zone at different hosts, as where a zone is moved.
const twoCopies = `
$ORIGIN example.com. ; on ns1.one.example.net.
@ NS ns1.one.example.net.
_a79 300 CNAME _424.acm-validations.aws.
note 300 TXT "first"
note 300 TXT "second"
$ORIGIN example.com. ; on ns1.two.example.org. ; undelegated
@ NS ns1.two.example.org.
`

func hosted(t *testing.T, server string) (*internetProvider, providers.Zone) {
	t.Helper()
	in, err := resolvertest.Parse(twoCopies)
	require.NoError(t, err)
	p := &internetProvider{in: in, on: []resolver.Name{resolver.MustParseName(server)}}
	zones, err := p.FindZones(t.Context(), resolver.MustParseName("_a79.example.com."))
	require.NoError(t, err)
	require.Len(t, zones, 1)
	return p, zones[0]
}

func TestInternetProviderHoldsItsOwnCopy(t *testing.T) {
	name := resolver.MustParseName("_a79.example.com.")
	one, zone := hosted(t, "ns1.one.example.net.")
	assert.Equal(t, []resolver.Name{resolver.MustParseName("ns1.one.example.net.")}, zone.NameServers)
	sets, err := one.Read(t.Context(), zone, name)
	require.NoError(t, err)
	assert.Len(t, sets, 1)

	two, other := hosted(t, "ns1.two.example.org.")
	assert.NotEqual(t, zone.ID, other.ID)
	sets, err = two.Read(t.Context(), other, name)
	require.NoError(t, err)
	assert.Empty(t, sets, "the record stands in the other host's copy")

	_, err = two.Read(t.Context(), zone, name)
	assert.ErrorIs(t, err, providers.ErrZoneNotFound, "another account's zone")
	assert.ErrorIs(t, two.Write(t.Context(), zone, providers.Batch{}), providers.ErrZoneNotFound)
}

func TestInternetProviderReadsWholeSets(t *testing.T) {
	p, zone := hosted(t, "ns1.one.example.net.")
	sets, err := p.Read(t.Context(), zone, resolver.MustParseName("note.example.com."))
	require.NoError(t, err)
	require.Len(t, sets, 1)
	assert.ElementsMatch(t, []string{`"first"`, `"second"`}, sets[0].Values)
}

func TestInternetProviderWritesAllOrNothing(t *testing.T) {
	record, note := resolver.MustParseName("_a79.example.com."), resolver.MustParseName("note.example.com.")
	cname := func(at resolver.Name, to string) providers.RRset {
		return providers.RRset{Name: at, Type: resolver.TypeCNAME, TTL: 300, Values: []string{to}}
	}
	for name, c := range map[string]struct {
		batch func(now []providers.RRset) providers.Batch
		want  error
	}{
		"somebody has changed it since": {
			func(now []providers.RRset) providers.Batch {
				return providers.Batch{Expect: now[:1], Delete: now[:1]}
			}, providers.ErrConflict,
		},
		"what is to go is not what stands": {
			func(now []providers.RRset) providers.Batch {
				return providers.Batch{Expect: now, Delete: []providers.RRset{cname(record, "other.example.net.")}}
			}, nil,
		},
		"what is to come stands already": {
			func(now []providers.RRset) providers.Batch {
				return providers.Batch{Expect: now, Create: []providers.RRset{cname(record, "other.example.net.")}}
			}, nil,
		},
		"the last of it cannot be written": {
			func(now []providers.RRset) providers.Batch {
				return providers.Batch{Expect: now, Delete: now, Create: []providers.RRset{cname(record, "not a name at all..")}}
			}, resolvertest.ErrText,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, zone := hosted(t, "ns1.one.example.net.")
			before, err := p.Read(t.Context(), zone, record, note)
			require.NoError(t, err)
			require.Len(t, before, 2)
			b := c.batch(before)
			b.Owners = []resolver.Name{record, note}
			err = p.Write(t.Context(), zone, b)
			require.Error(t, err)
			if c.want != nil {
				assert.ErrorIs(t, err, c.want)
			}
			after, err := p.Read(t.Context(), zone, record, note)
			require.NoError(t, err)
			assert.Equal(t, before, after, "nothing has changed")
		})
	}
}
