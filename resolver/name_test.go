package resolver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNameKeepsLabelBoundaries(t *testing.T) {
	zone := MustParseName("example.com")
	assert.True(t, MustParseName("_X.Example.COM.").Within(zone), "case and final dot do not matter")
	assert.False(t, MustParseName("_x.myexample.com.").Within(zone), "libdns cuts letters here, not labels")
	assert.True(t, zone.Within(zone))
	assert.False(t, zone.Below(zone))
	rel, ok := MustParseName("_t.www.example.com").Relative(zone)
	assert.True(t, ok)
	assert.Equal(t, "_t.www", rel)
	_, ok = MustParseName("notexample.com").Relative(zone)
	assert.False(t, ok)
	doubled, ok := MustParseName("_t.example.com").Under(zone)
	require.True(t, ok)
	assert.Equal(t, "_t.example.com.example.com.", doubled.String())
	back, ok := doubled.TrimSuffix(zone)
	assert.True(t, ok)
	assert.Equal(t, "_t.example.com.", back.String())
	assert.False(t, Name{}.Within(Root), "the zero Name is no name")
	assert.True(t, zone.Within(Root))
}

func TestParseNameSaysWhere(t *testing.T) {
	for text, offset := range map[string]int{"": 0, "a..b": 2, ".a": 0, "a b": 1, "a\u200bb": 1, `a\25`: 1, "x\"y": 1} {
		_, err := ParseName(text)
		var ne *NameError
		require.ErrorAs(t, err, &ne, text)
		assert.ErrorIs(t, err, ErrBadName)
		assert.Equal(t, offset, ne.Offset, text)
	}
}

func TestRRFoldsNamesInRDATA(t *testing.T) {
	a := MustParseRR("a.example. 60 CNAME _X.Y.acm-validations.AWS.")
	b := MustParseRR("A.example. 60 CNAME _x.y.ACM-validations.aws.")
	assert.Equal(t, a, b)
	assert.Equal(t, "_x.y.acm-validations.aws.", a.Text())
}
