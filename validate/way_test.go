package validate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

func checkWay(t *testing.T, w validatetest.World, r resolver.Resolver, keep bool) validate.Report {
	t.Helper()
	in, err := w.Internet()
	require.NoError(t, err)
	if r == nil {
		r = in
	}
	c, err := w.Checker(in, r)
	require.NoError(t, err)
	c.KeepWay = keep
	rep, err := c.Check(t.Context(), w.Record)
	require.NoError(t, err)
	rep.Stats = validate.Stats{}
	return rep
}

// Keeping the way asks nothing and changes nothing, and a transcript gives the same way.
func TestWayChangesNothing(t *testing.T) {
	for _, w := range loadWorlds(t) {
		t.Run(w.File, func(t *testing.T) {
			in, err := w.Internet()
			require.NoError(t, err)
			tr := &resolver.Transcript{Resolver: in}
			with, without := checkWay(t, w, tr, true), checkWay(t, w, nil, false)
			assert.True(t, without.Way.IsZero())
			plain := with
			plain.Way = validate.Way{}
			assert.Equal(t, without, plain)
			a, err := json.Marshal(with)
			require.NoError(t, err)
			b, err := json.Marshal(without)
			require.NoError(t, err)
			assert.Equal(t, string(b), string(a), "the way is no part of the JSON")

			text, err := tr.MarshalText()
			require.NoError(t, err)
			again, err := resolver.ParseTranscript(strings.NewReader(string(text)))
			require.NoError(t, err)
			assert.Equal(t, with.Way, checkWay(t, w, again, true).Way)

			if with.Queries > 0 && !with.Zone.Name.IsZero() {
				require.NotEmpty(t, with.Way.Zones)
				assert.True(t, with.Way.Zones[0].Name.IsRoot())
			}
			for i, z := range with.Way.Zones {
				if i > 0 {
					assert.Equal(t, with.Way.Zones[i-1].Name, z.Parent)
				}
				for _, s := range z.Servers {
					assert.NotEmpty(t, s.Reply, s.Name)
				}
			}
		})
	}
}

func wayText(w validate.Way) string {
	var b strings.Builder
	for _, z := range w.Zones {
		fmt.Fprintln(&b, z.Name)
		for _, s := range z.Servers {
			by := "parent"
			if !s.ByParent {
				by = "zone"
			}
			fmt.Fprintf(&b, "  %s by %s: %s %s\n", s.Name, by, s.Reply, s.Text)
		}
	}
	if !w.Missing.IsZero() {
		fmt.Fprintf(&b, "missing %s\n", w.Missing)
	}
	for _, p := range w.Places {
		fmt.Fprintf(&b, "place %s %s %s (%s)", p.Name, p.Type, p.Value, p.Rule)
		for _, s := range p.Servers {
			fmt.Fprintf(&b, " %s", s.Name)
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func TestWay(t *testing.T) {
	root := ".\n  a.root-servers.test. by parent: refers on com.\n  b.root-servers.test. by parent: not asked \n"
	com := root + "com.\n  ns1.nic.com. by parent: refers on example.com.\n  ns2.nic.com. by parent: not asked \n"
	want := map[string]string{
		"healthy.txt": com + "example.com.\n  ns1.example.com. by parent: the record _424.xyz.acm-validations.aws.\n  ns2.example.com. by parent: the record _424.xyz.acm-validations.aws.\n",
		"name-doubled.txt": com + "example.com.\n  ns1.example.com. by parent: not there no such name\n  ns2.example.com. by parent: not there no such name\n" +
			"place _a79.example.com.example.com. CNAME _424.xyz.acm-validations.aws. (name-doubled) ns1.example.com.\n",
		"delegation-mismatch.txt": com + "example.com.\n  ns1.old.net. by parent: not there no such name\n  ns2.old.net. by parent: not there no such name\n" +
			"  ns1.new.net. by zone: the record _424.xyz.acm-validations.aws.\n  ns2.new.net. by zone: the record _424.xyz.acm-validations.aws.\n",
		"server-lame.txt": com + "example.com.\n  ns1.example.com. by parent: the record _424.xyz.acm-validations.aws.\n  ns2.example.com. by parent: does not serve REFUSED\n",
		"zone-undelegated-elsewhere.txt": root + "com.\n  ns1.nic.com. by parent: not there no such name\n  ns2.nic.com. by parent: not there no such name\n" +
			"missing example.com.\nplace _a79.example.com. CNAME _424.xyz.acm-validations.aws. (zone-undelegated) ns1.host.net.\n",
		"record-misplaced.txt": "place _a79.dev.ef.net. CNAME _424.xyz.acm-validations.aws. (record-misplaced) ns1.ef.net.\n",
	}
	for _, w := range loadWorlds(t) {
		text, ok := want[w.File]
		if !ok {
			continue
		}
		delete(want, w.File)
		got := wayText(checkWay(t, w, nil, true).Way)
		if strings.HasPrefix(text, "place ") {
			assert.Contains(t, got, text, w.File)
		} else {
			assert.Equal(t, text, got, w.File)
		}
	}
	assert.Empty(t, want)
}

// A healthy record lies where it belongs and nowhere else.
func TestNoPlaceWhereNothingIsWrong(t *testing.T) {
	for _, w := range loadWorlds(t) {
		if len(w.Want) == 0 {
			assert.Empty(t, checkWay(t, w, nil, true).Way.Places, w.File)
		}
	}
}
