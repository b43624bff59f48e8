package validate_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// What differs is told with the age of each copy, and only a copy that lags behind is worth waiting for.
func TestServersDisagreeTellsSerialsAndHosts(t *testing.T) {
	for _, c := range []struct {
		world string
		says  []string
		eta   time.Duration // from the moment of the check: the refresh time where a copy lags behind, and the negative TTL
	}{
		{"servers-disagree", []string{"right at ns1.example.com. (192.0.2.1) with serial 5", "not there at ns2.example.com. (192.0.2.2) with serial 4", "lags behind"}, 7500 * time.Second},
		{"servers-disagree-round", []string{"with serial 1;", "with serial 4294967295", "lags behind"}, 7500 * time.Second},
		{"servers-disagree-taken-out", []string{"with serial 4;", "with serial 5", "was taken out"}, 300 * time.Second},
		{"servers-disagree-hosts", []string{"of Amazon Route 53 with serial 1", "of Cloudflare with serial 2", "kept apart"}, 300 * time.Second},
		{"servers-disagree-providers", []string{"kept apart, and no waiting"}, 300 * time.Second},
	} {
		text, err := os.ReadFile("testdata/worlds/" + c.world + ".txt")
		require.NoError(t, err)
		w, err := validatetest.ParseWorld(c.world, string(text))
		require.NoError(t, err)
		in, err := w.Internet()
		require.NoError(t, err)
		checker, err := w.Checker(in, in)
		require.NoError(t, err)
		rep, err := checker.Check(t.Context(), w.Record)
		require.NoError(t, err)
		require.NotEmpty(t, rep.Findings)
		assert.Equal(t, validate.ID("servers-disagree"), rep.Findings[0].Rule)
		for _, s := range c.says {
			assert.Contains(t, rep.Findings[0].Message, s, c.world)
		}
		assert.Equal(t, c.eta, rep.ETA.Sub(checker.Now()), c.world)
		assert.Equal(t, c.eta > time.Hour, strings.Contains(rep.Findings[0].Fixes[0].Message, "refresh time of 2h"), c.world)
	}
}
