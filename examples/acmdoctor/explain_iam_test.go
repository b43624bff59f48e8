package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExplainIAM(t *testing.T) {
	explain := func(args ...string) string {
		var out, errs bytes.Buffer
		require.Zero(t, run(t.Context(), append([]string{"explain", "iam"}, args...), nil, &out, &errs), errs.String())
		return out.String()
	}
	both := explain("--zone", "Example.COM", "--zone-id", "Z1")
	for _, only := range []string{"check", "fix"} {
		text := explain("--zone", "example.com", "--zone-id", "Z1", "--for", only)
		require.True(t, json.Valid([]byte(text)), "a file that AWS takes")
		require.Contains(t, both, text)
		require.Equal(t, only == "fix", bytes.Contains([]byte(text), []byte("ChangeResourceRecordSets")))
		require.Contains(t, text, "arn:aws:route53:::hostedzone/Z1")
	}
	require.Contains(t, both, `"_????????????????????????????????.*.example.com"`)
	require.NotContains(t, explain("--partition", "aws-cn"), "arn:aws:")
}

func TestExplainIAMBadUsage(t *testing.T) {
	for says, args := range map[string][]string{
		"explain iam":             {"explain", "--zone", "example.com"},
		"check or fix":            {"explain", "iam", "--for", "all"},
		"--zone \"ex ample.com\"": {"explain", "iam", "--zone", "ex ample.com"},
	} {
		var out, errs bytes.Buffer
		require.Equal(t, 3, run(t.Context(), args, nil, &out, &errs), says)
		require.Contains(t, errs.String(), says)
		require.Empty(t, out.String())
	}
}
