package providers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
	"github.com/acmdoctor/acmdoctor/validate"
)

// direction says whether a batch makes a change or takes one back.
type direction bool

const (
	forth direction = false
	back  direction = true // what was deleted may be created again
)

// gate is the one place that decides what may be touched. It is called when a plan is made, when one is read from a file, and
// once more right before each write. Its errors wrap [ErrOutOfScope].
//
// Touched is the record's own name, and a known misplacement of it that holds nothing but this record; created is the record
// that ACM asks for; deleted are CNAMEs and, at exactly the record's own name, what must not stand beside one (RFC 1034,
// 3.6.2). Taking a change back may also create what stood at these names before.
func gate(rec validate.Record, apex resolver.Name, dir direction, b Batch) error {
	refuse := func(format string, a ...any) error {
		return fmt.Errorf("providers: scope: %s: %w", fmt.Sprintf(format, a...), ErrOutOfScope)
	}
	if apex.IsZero() || apex.IsRoot() {
		return refuse("no zone is named")
	}
	if !rec.Name.Below(apex) {
		return refuse("%s is not in the zone %s", rec.Name, apex)
	}
	if !strings.HasPrefix(rec.Name.FirstLabel(), "_") {
		return refuse("%s does not begin with an underscore, as each name that ACM asks for does", rec.Name)
	}
	if !rec.Value.Below(validate.ValidationSuffix) {
		return refuse("the value %s is not below %s", rec.Value, validate.ValidationSuffix)
	}
	for _, o := range b.Owners {
		if !validate.InScope(rec, apex, o) {
			return refuse("%s is neither the record's name nor a known misplacement of it", o)
		}
	}
	for _, s := range slices.Concat(b.Delete, b.Create) {
		switch {
		case !slices.Contains(b.Owners, s.Name):
			return refuse("%s is not among the names of the batch", s.Name)
		case s.Opaque:
			return refuse("the %s set at %s is not a plain one", s.Type, s.Name)
		case s.Name != rec.Name && !misplacedCopy(rec, apex, s):
			return refuse("the %s set at %s is not a misplaced copy of the record", s.Type, s.Name)
		}
	}
	for _, s := range b.Delete {
		if !slices.ContainsFunc(b.Expect, s.Equal) {
			return refuse("the %s set at %s was not read", s.Type, s.Name)
		}
	}
	for _, s := range b.Create {
		target, ok := s.Target()
		if dir == forth && (s.Name != rec.Name || !ok || !rec.Accepts(target) || s.Hidden != Shown) {
			return refuse("the %s set to be created at %s is not the record", s.Type, s.Name)
		}
	}
	return nil
}

// misplacedCopy reports whether the set is one CNAME at a known misplacement and holds what this record should.
func misplacedCopy(rec validate.Record, apex resolver.Name, s RRset) bool {
	target, ok := s.Target()
	return ok && validate.MisplacedCopy(rec, apex, s.Name, target)
}
