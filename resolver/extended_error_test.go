package resolver

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
)

// The wire-format library's list follows IANA's registry: a code that it gets and we lack is noticed.
func TestEveryRegisteredExtendedErrorHasWords(t *testing.T) {
	seen := map[string]uint16{}
	for code := range dns.ExtendedErrorCodeToString {
		words := ExtendedError{Code: code}.Meaning()
		assert.NotContains(t, words, "extended error", "code %d", code)
		assert.NotEmpty(t, words, "code %d", code)
		_, twice := seen[words]
		assert.False(t, twice, "%d and %d say the same", code, seen[words])
		seen[words] = code
	}
	assert.Len(t, extendedErrors, len(dns.ExtendedErrorCodeToString))
	assert.Equal(t, "extended error 49152", ExtendedError{Code: 49152}.Meaning())
	r := Response{ExtendedErrors: []ExtendedError{{Code: EDEStaleAnswer}, {Code: EDEFiltered}}}
	assert.True(t, r.HasExtendedError(EDEBlocked, EDEFiltered))
	assert.False(t, r.HasExtendedError(EDEBlocked))
}
