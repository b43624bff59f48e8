package validate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrInput is wrapped by every error about what an input says, as opposed to errors of reading it.
var ErrInput = errors.New("validate: the input cannot be used")

// ErrNoRecord is wrapped by errors about an input that is well-formed and holds no validation record.
var ErrNoRecord = errors.New("validate: no validation record")

// ErrRecordPending is wrapped where ACM has not issued the record yet: for some seconds after a request,
// DescribeCertificate gives the domains without their ResourceRecord (ACM API Reference, "DomainValidation"). It wraps
// [ErrNoRecord].
var ErrRecordPending = fmt.Errorf("%w yet", ErrNoRecord)

// ErrNotDNSValidated is wrapped where a certificate proves its domains in another way than by DNS, by e-mail or over
// HTTP, or is imported or private and proves none. It wraps [ErrNoRecord].
var ErrNotDNSValidated = fmt.Errorf("%w: not validated by DNS", ErrNoRecord)

// InputError says what is wrong with an input, where, and what would be right. It wraps [ErrInput], and Kind where
// there is one. Its text is safe for a terminal: what came from the input is quoted in it.
type InputError struct {
	File     string // the input's name, set by whoever opened it; "" where there is none
	Line     int    // from 1; 0 where the input has no lines, as for a typed record
	Column   int    // the character in the line, or in the field where Line is 0, from 1; 0 where it concerns all of it
	Field    string // "name", "value", "domain" or "type"; "" where it is about none of them
	Found    string // what stands there, described by code point where it cannot be seen
	Expected string // what would be right
	Message  string // both in a sentence; "" makes one of Field, Found and Expected
	Kind     error  // ErrRecordPending and the like; nil where it has no kind of its own
}

// Error gives place and sentence, as in
//
//	records.txt:7:24: value ends in acm-validation.aws., not acm-validations.aws.
func (e *InputError) Error() string {
	var b strings.Builder
	switch {
	case e.File != "":
		b.WriteString(e.File)
		for _, n := range []int{e.Line, e.Column} {
			if n == 0 {
				break
			}
			b.WriteString(":" + strconv.Itoa(n))
		}
		b.WriteString(": ")
	case e.Line > 0 && e.Column > 0:
		fmt.Fprintf(&b, "line %d, character %d: ", e.Line, e.Column)
	case e.Line > 0:
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	switch {
	case e.Message != "":
		b.WriteString(e.Message)
	case e.Field != "":
		fmt.Fprintf(&b, "%s: found %s, expected %s", e.Field, e.Found, e.Expected)
	default:
		fmt.Fprintf(&b, "found %s, expected %s", e.Found, e.Expected)
	}
	if e.Line == 0 && e.Column > 0 {
		fmt.Fprintf(&b, " (character %d)", e.Column)
	}
	return b.String()
}

// Unwrap gives [ErrInput] and Kind.
func (e *InputError) Unwrap() []error {
	if e.Kind == nil {
		return []error{ErrInput}
	}
	return []error{ErrInput, e.Kind}
}

// quoted makes text of an input fit to be shown: in quotes, escaped, and not long.
func quoted(s string) string {
	const most = 80
	if rs := []rune(s); len(rs) > most {
		s = string(rs[:most]) + "…"
	}
	return strconv.Quote(s)
}

// joinInput gives the errors as one, nil for none, and a single one as itself.
func joinInput(errs []*InputError) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	list := make([]error, len(errs))
	for i, e := range errs {
		list[i] = e
	}
	return errors.Join(list...)
}
