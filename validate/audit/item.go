package audit

import (
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"iter"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Item is a record of the input, or what is wrong with it, and the input it came from.
type Item struct {
	validate.Source
	File string // "" where it is of no interest
}

// Items gives the sources of one input as items.
func Items(sources iter.Seq[validate.Source], file string) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for s := range sources {
			if !yield(Item{s, file}) {
				return
			}
		}
	}
}

// isChecked reports whether there is something to check: a record, or a certificate that has none, about which there is
// something to say all the same.
func (i Item) isChecked() bool { return i.Err == nil || !i.Record.Certificate.IsZero() }

// isNone reports whether the item stands for an input without any record: it has no line of its own.
func (i Item) isNone() bool {
	return !i.isChecked() && i.Line == 0 && i.Name == "" && errors.Is(i.Err, validate.ErrNoRecord)
}

// key is what tells the record from others in another run: its name; the input's own name for it where it has none.
func (i Item) key() string {
	switch {
	case !i.Record.Name.IsZero():
		return i.Record.Name.String()
	case i.Name != "":
		return i.Name
	}
	return i.ID
}

// addTo adds all that was read of the item to a hash.
func (i Item) addTo(h hash.Hash) {
	var size [8]byte
	for _, s := range []string{i.ID, i.Domain, i.Name, i.Value, i.Record.Name.String(), i.Record.Value.String()} {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		_, _ = io.WriteString(h, s) // a hash.Hash returns no error
	}
}
