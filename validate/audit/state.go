package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Why a state is refused. All wrap [ErrState]; the error says what to do.
var (
	ErrState        = errors.New("the state cannot be used")
	ErrStateDamaged = fmt.Errorf("%w: it is not whole", ErrState)
	ErrStateVersion = fmt.Errorf("%w: another version wrote it", ErrState)
	ErrStateInput   = fmt.Errorf("%w: it belongs to another input", ErrState)
	ErrStateOutput  = fmt.Errorf("%w: it belongs to another output", ErrState)
	ErrStateBusy    = fmt.Errorf("%w: another run uses it", ErrState)
)

// stateFormat is what a state file says it is; stateVersion changes with its meaning.
const (
	stateFormat  = "acmdoctor audit state"
	stateVersion = 1
)

// tailLength is how much of the end of the good output is kept as a hash.
const tailLength = 4096

// State is where a run notes how far it is, so that after a crash, at any byte, or an interruption another run with the same
// State goes on. The file is replaced as a whole, after the output that it speaks of has reached the disk: what it says is
// always true of some earlier moment, and the output beyond is cut off.
//
// When a run is complete the file is removed: the next one begins anew.
type State struct {
	Path    string
	Version string // of the program; a state of another version is refused, since its verdicts may have been others
}

// saved is what a state file holds.
type saved struct {
	Format  string  `json:"format"`
	Version int     `json:"version"`
	Program string  `json:"program"`
	Ordered bool    `json:"ordered"`
	Taken   int     `json:"taken"` // items taken from the input
	Open    []int   `json:"open"`  // of these, those whose line is not in the output, ascending
	Input   string  `json:"input"` // SHA-256 of the items taken
	Output  *good   `json:"output,omitempty"`
	Summary Summary `json:"summary"` // of those whose line is in the output
}

// good is the part of the output that the state speaks for.
type good struct {
	Bytes int64  `json:"bytes"`
	Tail  string `json:"tail"` // SHA-256 of its last 4 KiB
}

// usable sees that what stands at the path, if anything does, is a file that can be read to its end and replaced: a device is not, and
// would be lost.
func (s *State) usable() error {
	switch info, err := os.Stat(s.Path); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("audit: read the state: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no plain file; name another", ErrState, s.Path)
	}
	return nil
}

// load reads the state; nil where there is none.
func (s *State) load() (*saved, error) {
	text, err := os.ReadFile(s.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: read the state: %w", err)
	}
	anew := "remove it to begin anew"
	body, sum, ok := bytes.Cut(text, []byte("\n"))
	if !ok || string(bytes.TrimSpace(sum)) != checksum(body) {
		return nil, fmt.Errorf("%w: %s was truncated or changed; %s", ErrStateDamaged, s.Path, anew)
	}
	var v saved
	if err := json.Unmarshal(body, &v); err != nil || v.Format != stateFormat {
		return nil, fmt.Errorf("%w: %s is no state of an audit; %s, or name another file", ErrStateDamaged, s.Path, anew)
	}
	if v.Version != stateVersion || v.Program != s.Version {
		return nil, fmt.Errorf("%w: %s is of version %s (form %d), and this is %s (form %d); go on with that version, or %s",
			ErrStateVersion, s.Path, v.Program, v.Version, s.Version, stateVersion, anew)
	}
	return &v, nil
}

// save replaces the state. A crash leaves the old one or the new one.
func (s *State) save(v saved) error {
	v.Format, v.Version, v.Program = stateFormat, stateVersion, s.Version
	body, err := json.Marshal(v)
	if err == nil {
		err = WriteFile(s.Path, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s\n%s\n", body, checksum(body))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("audit: write the state: %w", err)
	}
	return nil
}

// remove ends the state of a run that is complete.
func (s *State) remove() error {
	if err := os.Remove(s.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("audit: remove the state of a run that is complete: %w", err)
	}
	return syncFolder(filepath.Dir(s.Path))
}

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256 " + hex.EncodeToString(sum[:])
}

// WriteFile writes a file so that whoever reads it finds the old content or the new one, whole, also after a crash. What
// write returns is returned, and the old file stays. A symbolic link is followed. What is no plain file, such as a pipe or a
// device, is written to as it stands.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	mode := os.FileMode(0o644)
	if info, serr := os.Stat(path); serr == nil {
		if !info.Mode().IsRegular() {
			return writeTo(path, write)
		}
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	for _, step := range []func() error{
		func() error { return write(file) },
		func() error { return file.Chmod(mode) },
		file.Sync,
	} {
		if err = step(); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	if err = file.Close(); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// writeTo writes to what is there and cannot be replaced.
func writeTo(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// goodOf describes the first n bytes of an output.
func goodOf(file *os.File, n int64) (*good, error) {
	tail := make([]byte, min(n, tailLength))
	if _, err := file.ReadAt(tail, n-int64(len(tail))); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(tail)
	return &good{n, hex.EncodeToString(sum[:])}, nil
}

// check sees that a file begins with the output that the state speaks for. It changes nothing.
func (g *good) check(file *os.File, path string) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	anew := fmt.Sprintf("name the output that was begun, or remove %s to begin anew", path)
	if info.Size() < g.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, and the state speaks of %d; %s", ErrStateOutput, file.Name(), info.Size(), g.Bytes, anew)
	}
	now, err := goodOf(file, g.Bytes)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	if now.Tail != g.Tail {
		return fmt.Errorf("%w: %s is not the file that was begun; %s", ErrStateOutput, file.Name(), anew)
	}
	return nil
}
