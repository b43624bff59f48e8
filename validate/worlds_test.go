package validate_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

func TestWorlds(t *testing.T) {
	worlds, err := validatetest.Load(os.DirFS("testdata/worlds"))
	require.NoError(t, err)
	require.NotEmpty(t, worlds)
	validatetest.Run(t, worlds)
}
