package audit_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// link makes a name for what is elsewhere.
func link(t *testing.T, to string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(to, name); err != nil || runtime.GOOS == "windows" {
		t.Skipf("no symbolic links here: %v", err)
	}
	return name
}

// A device that is named as a file to write is written to. To put a file in its place would take /dev/null away from the machine.
func TestWriteFileReplacesPlainFilesOnly(t *testing.T) {
	hello := func(w io.Writer) error {
		_, err := io.WriteString(w, "hello\n")
		return err
	}
	target := filepath.Join(t.TempDir(), "report.xml")
	require.NoError(t, os.WriteFile(target, []byte("old\n"), 0o600))
	for _, to := range []string{os.DevNull, target} {
		name := link(t, to)
		require.NoError(t, audit.WriteFile(name, hello))
		at, err := os.Readlink(name)
		require.NoError(t, err, "the name still leads to what it led to")
		assert.Equal(t, to, at)
	}
	text, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(text))
	info, err := os.Stat(target)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	full := io.ErrShortWrite
	require.ErrorIs(t, audit.WriteFile(link(t, os.DevNull), func(io.Writer) error { return full }), full)
}

// What cannot be read to its end is no state, and nothing is left beside it.
func TestStateIsAPlainFile(t *testing.T) {
	for _, path := range []string{link(t, os.DevNull), t.TempDir()} {
		run := audit.Run{
			Check: func(context.Context, iter.Seq[validate.Record]) iter.Seq2[validate.Numbered, error] {
				panic("nothing is asked")
			},
			State: &audit.State{Path: path, Version: "1"},
		}
		_, err := run.Do(t.Context(), func(func(audit.Item) bool) {})
		require.ErrorIs(t, err, audit.ErrState)
		assert.Contains(t, err.Error(), fmt.Sprintf("%s is no plain file", path))
		assert.NoFileExists(t, path+".lock")
	}
}
