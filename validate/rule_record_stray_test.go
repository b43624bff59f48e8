package validate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
)

// A copy beside a record that is right is told, and told apart from what answers for every name; it costs one question where there
// is none.
func TestStrayCopy(t *testing.T) {
	const right = "_a79 CNAME _424.xyz.acm-validations.aws.\n"
	for name, c := range map[string]struct {
		zone  string
		found bool
		costs int
	}{
		"a copy":                    {right + "_a79.example.com.example.com. CNAME _424.xyz.acm-validations.aws.\n", true, 2},
		"none":                      {right, false, 1},
		"another value":             {right + "_a79.example.com.example.com. CNAME _999.xyz.acm-validations.aws.\n", false, 1},
		"something else":            {right + "_a79.example.com.example.com. TXT \"_424.xyz.acm-validations.aws.\"\n", false, 1},
		"a wildcard":                {right + "* CNAME _424.xyz.acm-validations.aws.\n", false, 2},
		"a wildcard for the copy":   {right + "*.example.com.example.com. CNAME _424.xyz.acm-validations.aws.\n", false, 2},
		"the record is not right":   {"_a79 CNAME _999.xyz.acm-validations.aws.\n_a79.example.com.example.com. CNAME _424.xyz.acm-validations.aws.\n", false, 0},
		"the record is not there":   {"_a79.example.com.example.com. CNAME _424.xyz.acm-validations.aws.\n", false, 0},
		"two values for the copy":   {right + "_a79.example.com.example.com. CNAME _424.xyz.acm-validations.aws.\n_a79.example.com.example.com. CNAME _999.xyz.acm-validations.aws.\n", false, 1},
		"its first underscore gone": {right + "_a79.example.com.example.com. CNAME 424.xyz.acm-validations.aws.\n", true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, "-- zones --\n$ORIGIN example.com.\n"+c.zone)
			in, err := w.Internet()
			require.NoError(t, err)
			checker, err := w.Checker(in, in)
			require.NoError(t, err)
			without, err := checker.Check(t.Context(), w.Record)
			require.NoError(t, err)
			checker.Rules = append(validate.Rules(), validate.StrayCopy())
			rep, err := checker.Check(t.Context(), w.Record)
			require.NoError(t, err)
			assert.Equal(t, without.Verdict, rep.Verdict)
			assert.Equal(t, c.costs, rep.Queries-without.Queries)
			var found []validate.Finding
			for _, f := range rep.Findings {
				if f.Rule == "record-stray" {
					found = append(found, f)
				}
			}
			if assert.Equal(t, c.found, len(found) == 1, rep.Findings); len(found) == 1 {
				assert.Equal(t, validate.Notice, found[0].Severity)
				assert.Contains(t, found[0].Message, "_a79.example.com.example.com.")
				assert.Empty(t, found[0].Fixes[0].Changes, "a record that is right is no reason to change anything")
			}
		})
	}
}
