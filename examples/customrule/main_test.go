package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
	"github.com/acmdoctor/acmdoctor/validate"
)

func diagnosed(t *testing.T, zones string) string {
	t.Helper()
	in, err := resolvertest.Parse(zones)
	require.NoError(t, err)
	roots, err := resolver.ParseHints(strings.NewReader(in.Hints()))
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, diagnose(t.Context(), &b, &validate.Checker{Resolver: in, Roots: roots}, "_a79.example.com.", "_424.acm-validations.aws."))
	return b.String()
}

func TestHouseTTL(t *testing.T) {
	long := diagnosed(t, "$ORIGIN example.com.\n_a79 86400 CNAME _424.acm-validations.aws.\n")
	assert.Contains(t, long, "VALID", "a notice of the house forbids nothing")
	assert.Contains(t, long, "notice: The record's TTL is 86400 seconds; our handbook allows 3600")
	assert.Contains(t, long, "dig +norecurse", "the evidence is the server's answer")
	assert.NotContains(t, diagnosed(t, "$ORIGIN example.com.\n_a79 3600 CNAME _424.acm-validations.aws.\n"), "house-ttl")
	assert.NotContains(t, diagnosed(t, "$ORIGIN example.com.\n_a79 86400 CNAME other.example.net.\n"), "house-ttl",
		"somebody else's record is not what the rule is about")
}

func TestHouseTTLIsAWholeRule(t *testing.T) {
	assert.NoError(t, validate.Validate(append(validate.Rules(), houseTTL{})))
}
