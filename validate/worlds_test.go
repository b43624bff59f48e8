package validate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/validatetest"
)

var update = flag.Bool("update", false, "write into every world how many questions its check asks, and in how many round trips")

const worldsFolder = "testdata/worlds"

func loadWorlds(t testing.TB) []validatetest.World {
	t.Helper()
	worlds, err := validatetest.Load(os.DirFS(worldsFolder))
	require.NoError(t, err)
	require.NotEmpty(t, worlds)
	return worlds
}

func TestWorlds(t *testing.T) {
	worlds := loadWorlds(t)
	if *update {
		for i := range worlds {
			var rep validate.Report
			rep, worlds[i].Trips = validatetest.Measure(t, worlds[i])
			worlds[i].Asked = rep.Queries
			writeAsked(t, worlds[i])
		}
	}
	for _, w := range worlds {
		asksNothing := w.Record.Problem() != nil || len(w.Want) > 0 && w.Want[0].Rule == "domain-ineligible" && w.Want[0].Confidence == validate.Certain
		assert.True(t, w.Asked > 0 || asksNothing,
			"%s does not say how many questions it costs: go test ./validate -run TestWorlds -update writes that", w.File)
	}
	validatetest.Run(t, worlds)
}

// writeAsked makes the section "asked" of a world's file what w says, and leaves the rest of it as it stands.
func writeAsked(t *testing.T, w validatetest.World) {
	t.Helper()
	path := filepath.Join(worldsFolder, w.File)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "-- asked --\n")
	after := ""
	if i := strings.Index(rest, "-- "); found && i >= 0 {
		after = rest[i:]
	}
	out := strings.TrimRight(before, "\n") + "\n"
	if w.Asked > 0 {
		out += fmt.Sprintf("-- asked --\n%d in %d round trips\n", w.Asked, w.Trips)
	}
	if out += after; out != string(text) {
		require.NoError(t, os.WriteFile(path, []byte(out), 0o644))
	}
}
