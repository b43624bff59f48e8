package architecture

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	require.NoError(t, err)
	return filepath.Dir(strings.TrimSpace(string(out)))
}

func TestCommittedFiles(t *testing.T) {
	dir := root(t)
	out, err := exec.CommandContext(t.Context(), "git", "-C", dir, "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	paths := strings.Split(strings.Trim(string(out), "\x00"), "\x00")
	assert.Empty(t, strays(paths))
	for _, p := range paths {
		text, err := os.ReadFile(filepath.Join(dir, p))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed so
		}
		require.NoError(t, err)
		assert.Empty(t, leaked(p, text))
	}
}

func TestStraysAndLeaksAreNoticed(t *testing.T) {
	assert.Len(t, strays([]string{"README.md", "util/x.go", "notes.txt", "examples/lambda/go.mod", "go.mod", ".ci/run"}), 3)
	assert.Equal(t, []string{"a.go:2: holds " + leaks[0]}, leaked("a.go", []byte("package a\n// see "+leaks[0]+"x\n")))
	assert.Empty(t, leaked("a.go", []byte("package a // at "+strings.Trim(leaks[0], "/")+", home, root\n")))
}
