package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/providers"
)

// planFile is a file of plans. Each plan guards itself by its sum; the count tells when one was taken out.
type planFile struct {
	Version int              `json:"version"`
	Count   int              `json:"count"`
	Plans   []providers.Plan `json:"plans"`
}

const planFileVersion = 1

// writePlans keeps the plans that change something.
func writePlans(path string, all []*mending) error {
	f := planFile{Version: planFileVersion, Plans: []providers.Plan{}}
	for _, m := range all {
		if m.err == nil && !m.plan.Empty() {
			f.Plans = append(f.Plans, m.plan)
		}
	}
	f.Count = len(f.Plans)
	text, err := json.MarshalIndent(f, "", " ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("--plan-out: %w", err)
	}
	return nil
}

// readPlans reads a file of plans; what was edited, cut off or made by another version is refused whole.
func readPlans(path string) ([]providers.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--plan: %w", err)
	}
	plans, err := parsePlans(text)
	if err != nil {
		return nil, fmt.Errorf("--plan %s: %w", path, err)
	}
	return plans, nil
}

func parsePlans(text []byte) ([]providers.Plan, error) {
	bad := func(format string, a ...any) ([]providers.Plan, error) {
		return nil, fmt.Errorf("%s: %w", fmt.Sprintf(format, a...), providers.ErrBadPlan)
	}
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return bad("it is cut off or damaged (%v); make it anew with --plan-out", err)
	}
	if head.Version == nil || *head.Version != planFileVersion {
		return bad("it is not of version %d, the only one this program reads; make it anew with --plan-out", planFileVersion)
	}
	var f planFile
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		if errors.Is(err, providers.ErrBadPlan) || errors.Is(err, providers.ErrOutOfScope) {
			return nil, err
		}
		return bad("%v", err)
	}
	if f.Count != len(f.Plans) {
		return bad("it says that it holds %d plans and holds %d: it was edited", f.Count, len(f.Plans))
	}
	return f.Plans, nil
}

// undoFile is where undo data goes: a JSON object a line, one for each plan that is carried out, each on disk before the first
// write of its plan. A file that is there already is added to, so that a second run does not lose what the first one kept.
type undoFile struct {
	path string // empty until there is something to keep, where none was named
	now  func() time.Time
}

// openUndoFile makes sure that a file that was named can be used.
func openUndoFile(path string, now func() time.Time) (*undoFile, error) {
	if info, err := os.Stat(path); path != "" && (err != nil || info.Size() > 0) {
		if _, err := readUndos(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--undo-out: the file is there and holds something else; name another: %w", err)
		}
	}
	return &undoFile{path, now}, nil
}

func (f *undoFile) save(u providers.Undo) error {
	line, err := json.Marshal(u)
	if err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if f.path == "" {
		f.path = fmt.Sprintf("acmdoctor-undo-%s-%s.json", fileName(u.Zone().Apex.Text()), f.now().UTC().Format("20060102-150405"))
		flags |= os.O_EXCL
	}
	file, err := os.OpenFile(f.path, flags, 0o600)
	if flags&os.O_EXCL != 0 && errors.Is(err, fs.ErrExist) { // two runs in one second
		f.path = strings.TrimSuffix(f.path, ".json") + fmt.Sprintf("-%d.json", os.Getpid())
		file, err = os.OpenFile(f.path, flags, 0o600)
	}
	if err != nil {
		return err
	}
	return errors.Join(keep(file, append(line, '\n')), file.Close())
}

// openFile is an [os.File] that is open for writing, or what takes its place in a test.
type openFile interface {
	io.Writer
	Stat() (os.FileInfo, error)
	Chmod(os.FileMode) error
	Sync() error
	Truncate(int64) error
}

// keep adds to a file what is to last, for nobody else to read, or leaves it as it was: with half a line behind it, what stands there
// already could not be read any more. What is no plain file, a pipe say, takes the text and nothing else.
func keep(file openFile, text []byte) error {
	if !isPlain(file) {
		_, err := file.Write(text)
		return err
	}
	before, err := file.Stat()
	if err == nil {
		err = file.Chmod(0o600) // a file that was there may be open to others
	}
	if err != nil {
		return err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	if err != nil {
		err = errors.Join(err, file.Truncate(before.Size()))
	}
	return err
}

// isPlain reports whether the file is one that lies on a disk.
func isPlain(file openFile) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// fileName keeps a zone's name from being a path.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, s)
}

// readUndos reads undo data in the order in which the changes were made.
func readUndos(path string) ([]providers.Undo, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--undo: %w", err)
	}
	undos, err := parseUndos(text)
	if err != nil {
		return nil, fmt.Errorf("--undo %s: %w", path, err)
	}
	return undos, nil
}

func parseUndos(text []byte) ([]providers.Undo, error) {
	var out []providers.Undo
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		var u providers.Undo
		err := dec.Decode(&u)
		switch {
		case errors.Is(err, io.EOF) && len(out) > 0:
			return out, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("it is empty: %w", providers.ErrBadPlan)
		case errors.Is(err, providers.ErrBadPlan), errors.Is(err, providers.ErrOutOfScope):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("it is cut off or damaged: %w: %w", providers.ErrBadPlan, err)
		}
		out = append(out, u)
	}
}

// trail is the audit trail. The zero value, and nil, keep none.
type trail struct {
	file *os.File
	who  string
}

func openTrail(path string) (*trail, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--journal: %w", err)
	}
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return &trail{file, who}, nil
}

func (t *trail) write(entries []providers.Entry, identity, undo string) error {
	if t == nil {
		return nil
	}
	for i := range entries {
		entries[i].Who, entries[i].Identity, entries[i].Undo = t.who, identity, undo
	}
	err := providers.WriteEntries(t.file, entries...)
	if err == nil && isPlain(t.file) {
		err = t.file.Sync()
	}
	return err
}

func (t *trail) close() {
	if t != nil {
		_ = t.file.Close() // each line was synced, and its error told
	}
}
