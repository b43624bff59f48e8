package validate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

// A zone that is signed while it answers says NOERROR of names that do not exist (RFC 9824); its NSEC record tells.
func TestCompactDenialIsRead(t *testing.T) {
	for at, want := range map[string]string{
		"www A 192.0.2.80":       "that it does not exist",
		"_a79 TXT \"old\"":       "that there is no CNAME",
		"x._a79 A 192.0.2.80":    "that it has no records",
		"_a79 HINFO \"x\" \"y\"": "that there is no CNAME",
	} {
		w, err := validatetest.ParseWorld("compact", "-- story --\nx\n-- zones --\n$ORIGIN example.com. ; signed compact\n"+at+
			"\n-- record --\n_a79.example.com. CNAME _424.xyz.acm-validations.aws.\n-- want --\nvalid\n")
		require.NoError(t, err)
		in, err := w.Internet()
		require.NoError(t, err)
		c, err := w.Checker(in, in)
		require.NoError(t, err)
		rep, err := c.Check(t.Context(), w.Record)
		require.NoError(t, err)
		require.Equal(t, validate.ID("record-missing"), rep.Findings[0].Rule, at)
		assert.Contains(t, rep.Findings[0].Message, want, at)
	}
}
