package audit

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Change is how a record stands to an earlier run.
type Change string

// The changes. The empty one is none.
const (
	Broken  Change = "broken"  // invalid now, and was not
	Mended  Change = "mended"  // valid now, and was invalid
	Changed Change = "changed" // undetermined now or then, or invalid for another cause
	New     Change = "new"     // not in the earlier run
	Gone    Change = "gone"    // not in this run
)

// Baseline is what an earlier audit said: 16 bytes for each record. A record is told by its name, so that the order of the
// input and its own names for records may differ. It is not safe for concurrent use.
type Baseline struct {
	seed    maphash.Seed
	records []earlier // sorted by key
	causes  []validate.ID
}

type earlier struct {
	key     uint64
	verdict uint8
	seen    bool // in this run
	cause   uint16
}

var verdicts = []validate.Verdict{validate.Undetermined, validate.Valid, validate.Invalid}

// ReadBaseline reads the output of an earlier audit. Where a name comes twice the worse verdict counts. The error is that
// of [Lines].
func ReadBaseline(r io.Reader) (*Baseline, error) {
	b := &Baseline{seed: maphash.MakeSeed()}
	causes := map[validate.ID]uint16{}
	for l, err := range Lines(r) {
		if err != nil {
			return nil, err
		}
		cause, ok := causes[l.Cause()]
		if !ok {
			if len(b.causes) == 1<<16 {
				return nil, fmt.Errorf("%w: it names more than %d rules", ErrNotAnAudit, 1<<16)
			}
			cause = uint16(len(b.causes))
			causes[l.Cause()] = cause
			b.causes = append(b.causes, l.Cause())
		}
		b.records = append(b.records, earlier{key: b.hash(l.key()), verdict: uint8(slices.Index(verdicts, l.Verdict)), cause: cause})
	}
	slices.SortFunc(b.records, func(x, y earlier) int {
		return cmp.Or(cmp.Compare(x.key, y.key), badness(y)-badness(x))
	})
	b.records = slices.Clip(slices.CompactFunc(b.records, func(x, y earlier) bool { return x.key == y.key }))
	return b, nil
}

func badness(e earlier) int {
	switch verdicts[e.verdict] {
	case validate.Valid:
		return 0
	case validate.Undetermined:
		return 1
	}
	return 2
}

func (b *Baseline) hash(key string) uint64 { return maphash.String(b.seed, key) }

// find gives the earlier record; nil where there is none.
func (b *Baseline) find(key string) *earlier {
	h := b.hash(key)
	i, ok := slices.BinarySearchFunc(b.records, h, func(e earlier, h uint64) int { return cmp.Compare(e.key, h) })
	if !ok {
		return nil
	}
	return &b.records[i]
}

// Compare says how a result stands to the earlier run, and what the verdict was then; both are empty where nothing changed.
func (b *Baseline) Compare(r Result) (Change, validate.Verdict) {
	e := b.find(r.Item.key())
	if e == nil {
		return New, ""
	}
	e.seen = true
	was, now := verdicts[e.verdict], r.Verdict()
	switch {
	case now == was && (now != validate.Invalid || r.Cause() == b.causes[e.cause]):
		return "", ""
	case now == was:
		return Changed, was
	case now == validate.Invalid:
		return Broken, was
	case now == validate.Valid && was == validate.Invalid:
		return Mended, was
	}
	return Changed, was
}

// saw notes that a record is in this run, though its result is an earlier process's.
func (b *Baseline) saw(i Item) {
	if e := b.find(i.key()); e != nil {
		e.seen = true
	}
}

// Gone counts the records of the earlier run that are not in this one, and hands the first of them to each, in the order of
// the earlier output, which is read once more. The error is that of [Lines].
func (b *Baseline) Gone(r io.Reader, most int, each func(name string)) (int, error) {
	n := 0
	for _, e := range b.records {
		if !e.seen {
			n++
		}
	}
	if n == 0 || most <= 0 {
		return n, nil
	}
	for l, err := range Lines(r) {
		if err != nil {
			return n, err
		}
		if e := b.find(l.key()); e != nil && !e.seen {
			e.seen = true
			each(l.name())
			if most--; most == 0 {
				break
			}
		}
	}
	return n, nil
}
