package validate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// No answer matters for such a domain, so nothing is asked.
func TestIneligibleDomainsAskNothing(t *testing.T) {
	checker := validate.Checker{Resolver: resolver.Func(func(_ context.Context, q resolver.Question) (resolver.Response, error) {
		t.Errorf("asked %s", q)
		return resolver.Response{}, resolver.ErrTimeout
	})}
	for _, domain := range []string{
		"d111111abcdef8.cloudfront.net", "amazonaws.com", "printer.local", "localhost", "x.onion", "10.0.0.1", "_tcp.example.com", "ab--cd.com",
	} {
		r, _, err := validate.ParseRecord("", "_a79."+domain, "_424.xyz.acm-validations.aws.")
		require.NoError(t, err, domain)
		rep, err := checker.Check(t.Context(), r)
		require.NoError(t, err, domain)
		assert.Equal(t, validate.Invalid, rep.Verdict, domain)
		require.Len(t, rep.Findings, 1, domain)
		assert.EqualValues(t, "domain-ineligible", rep.Findings[0].Rule)
		assert.Zero(t, rep.Queries)
	}
}
