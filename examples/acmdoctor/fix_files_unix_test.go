//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the undo data cannot be saved nothing is changed, and what an earlier change has left in the file is still good.
func TestFixWithoutRoomForTheUndoData(t *testing.T) {
	b := newFixBed(t)
	code, _, errs := b.run(t, at("bare.test", "--apply", "--yes", "--undo-out", "undo.json")...)
	require.Equal(t, 0, code, errs)
	before, err := os.ReadFile("undo.json")
	require.NoError(t, err)

	var was syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	full := was
	full.Cur = uint64(len(before) + 100)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full))
	holds := b.holds(t, "doubled.test")
	code, out, errs := b.run(t, at("doubled.test", "--apply", "--yes", "--undo-out", "undo.json", "--json")...)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "without which nothing is written")
	assert.Empty(t, parseFixed(t, out).Undo)
	assert.Equal(t, holds, b.holds(t, "doubled.test"))

	after, err := os.ReadFile("undo.json")
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "no half a line")
	code, _, errs = b.run(t, "--undo", "undo.json", "--yes")
	assert.Equal(t, 0, code, errs)
	assert.Empty(t, b.holds(t, "bare.test"))
}

// Undo data and audit trail can go into a pipe: it is read by another program, and stays as it is.
func TestFixWritesIntoPipes(t *testing.T) {
	for _, flag := range []string{"--undo-out", "--journal"} {
		b := newFixBed(t)
		pipe := filepath.Join(b.dir, "pipe"+flag)
		require.NoError(t, syscall.Mkfifo(pipe, 0o644))
		reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // so that nobody waits for the other end
		require.NoError(t, err)
		args := at("doubled.test", "--apply", "--yes", "--json", flag, pipe)
		if flag != "--undo-out" {
			args = append(args, "--undo-out", "undo.json")
		}
		code, out, errs := b.run(t, args...)
		assert.Equal(t, 0, code, errs)
		assert.NotContains(t, out, "warnings")
		text := make([]byte, 1<<16)
		n, err := reader.Read(text)
		require.NoError(t, err)
		assert.Contains(t, string(text[:n]), "_a79.doubled.test.doubled.test.")
		info, err := os.Stat(pipe)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o644), info.Mode().Perm(), "a pipe, or a device, is everybody's as it was")
		require.NoError(t, reader.Close())
	}
}
