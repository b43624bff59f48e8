//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// halfFull is a file on a disk that has room for half of what is written.
type halfFull struct{ *os.File }

func (f halfFull) Write(b []byte) (int, error) {
	n, err := f.File.Write(b[:len(b)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

// What an earlier change has left in the file is still good after the disk was full.
func TestUndoDataIsWholeOrNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "undo.json")
	require.NoError(t, os.WriteFile(path, []byte("first\n"), 0o644))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	require.ErrorIs(t, keep(halfFull{file}, []byte("second\n")), syscall.ENOSPC)
	require.NoError(t, keep(file, []byte("third\n")))
	require.NoError(t, file.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first\nthird\n", string(text))
}

// Where the undo data cannot be saved nothing is changed.
func TestFixWithoutRoomForTheUndoData(t *testing.T) {
	const full = "/dev/full"
	if info, err := os.Stat(full); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Skipf("this machine has no %s", full)
	}
	b := newFixBed(t)
	holds := b.holds(t, "doubled.test")
	code, out, errs := b.run(t, at("doubled.test", "--apply", "--yes", "--undo-out", full, "--json")...)
	assert.Equal(t, 3, code)
	assert.Contains(t, errs, "without which nothing is written")
	assert.Empty(t, parseFixed(t, out).Undo)
	assert.Equal(t, holds, b.holds(t, "doubled.test"))
	info, err := os.Stat(full)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeCharDevice, "it is what it was")
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
