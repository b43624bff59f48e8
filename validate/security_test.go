package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver/dnssec"
	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// checkSigned checks a healthy, signed world whose checker somebody has meddled with.
func checkSigned(t *testing.T, meddle func(*validate.Checker)) validate.Report {
	t.Helper()
	for _, w := range loadWorlds(t) {
		if w.File != "healthy-signed.txt" {
			continue
		}
		in, err := w.Internet()
		require.NoError(t, err)
		c, err := w.Checker(in, in)
		require.NoError(t, err)
		meddle(c)
		rep, err := c.Check(t.Context(), w.Record)
		require.NoError(t, err)
		return rep
	}
	t.Fatal("no world")
	return validate.Report{}
}

// Root servers with other keys than the anchor names are no fault of the domain.
func TestAnchorOfAnotherRoot(t *testing.T) {
	rep := checkSigned(t, func(c *validate.Checker) { c.Anchors = dnssec.RootAnchors() })
	assert.Equal(t, validate.Undetermined, rep.Verdict)
	assert.Equal(t, dnssec.Bogus, rep.Security)
	require.Len(t, rep.Findings, 1)
	assert.Equal(t, validate.ID("check-incomplete"), rep.Findings[0].Rule)
	assert.Contains(t, rep.Findings[0].Message, "trust anchor")
}

// Roots of one's own without an anchor: nothing is validated, and nothing is asked for it.
func TestNoAnchorForRootsOfOnesOwn(t *testing.T) {
	rep := checkSigned(t, func(c *validate.Checker) { c.Anchors = dnssec.Anchors{} })
	assert.Equal(t, validate.Valid, rep.Verdict)
	assert.Empty(t, rep.Security)
	assert.Equal(t, 11, rep.Queries)
	assert.Contains(t, show(rep), "no trust anchor")
}

// An anchor for a zone in the middle: what is above it says nothing.
func TestAnchorBelowTheRoot(t *testing.T) {
	for _, w := range loadWorlds(t) {
		if w.File != "healthy-signed.txt" && w.File != "dnssec-bogus-expired.txt" {
			continue
		}
		in, err := w.Internet()
		require.NoError(t, err)
		c, err := w.Checker(in, in)
		require.NoError(t, err)
		var ds string
		for _, z := range in.Zones() {
			for _, rr := range z.Records {
				if rr.Type.String() == "DS" && rr.Name.String() == "com." {
					ds += rr.String() + "\n"
				}
			}
		}
		c.Anchors, err = dnssec.ParseAnchors(strings.NewReader(ds))
		require.NoError(t, err)
		rep, err := c.Check(t.Context(), w.Record)
		require.NoError(t, err)
		assert.Equal(t, w.Verdict, rep.Verdict, "%s", show(rep))
		assert.Equal(t, validatetest.Got(rep), append([]validatetest.Want(nil), w.Want...))
	}
}
