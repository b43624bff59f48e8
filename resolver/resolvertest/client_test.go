package resolvertest_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/resolver/resolvertest"
)

func TestClientConforms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, resolvertest.TestResolver(func(in *resolvertest.Internet) resolver.Resolver {
			return &resolver.Client{Dial: in.Dial}
		}))
	})
}
