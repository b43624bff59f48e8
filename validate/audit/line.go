package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Line is what one line of an audit's output says, as far as this package reads it.
type Line struct {
	ID       string           `json:"id"`
	File     string           `json:"file"`  // the input, where there are several
	Line     int              `json:"line"`  // in the input, from 1; 0 where it has no lines
	Since    Change           `json:"since"` // against the earlier run, where there is one
	Was      validate.Verdict `json:"was"`
	Record   LineRecord       `json:"record"`
	Verdict  validate.Verdict `json:"verdict"`
	Findings []LineFinding    `json:"findings"`

	ElapsedMS int64 `json:"elapsed_ms"` // that the check took
}

// LineRecord is the record of a [Line].
type LineRecord struct {
	Domain string `json:"domain"`
	Name   string `json:"name"`
	Value  string `json:"value"`
}

// LineFinding is a finding of a [Line].
type LineFinding struct {
	Rule        validate.ID         `json:"rule"`
	Severity    validate.Severity   `json:"severity"`
	Confidence  validate.Confidence `json:"confidence"`
	Message     string              `json:"message"`
	Evidence    []string            `json:"evidence"`
	ExplainedBy validate.ID         `json:"explained_by"`
	Fixes       []struct {
		Message string `json:"message"`
	} `json:"fixes"`
}

// Cause is the rule of the first finding that matters for the verdict: any where the record is not valid, one that is more
// than a notice where it is; "" where there is none.
func (l Line) Cause() validate.ID {
	if len(l.Findings) > 0 && (l.Verdict != validate.Valid || l.Findings[0].Severity != validate.Notice) {
		return l.Findings[0].Rule
	}
	return ""
}

// key is that of [Item.key].
func (l Line) key() string {
	if l.Record.Name != "" {
		return l.Record.Name
	}
	return l.ID
}

// name is what the record is called among others.
func (l Line) name() string {
	for _, s := range []string{l.Record.Domain, l.Record.Name, l.ID} {
		if s != "" {
			return s
		}
	}
	return "line " + strconv.Itoa(l.Line)
}

// ErrNotAnAudit is wrapped by errors about a text that should be an audit's output and is not.
var ErrNotAnAudit = errors.New("this is not the output of an audit")

// longestLine bounds a line of output that is read back: far more than any report has.
const longestLine = 64 << 20

// Lines reads an audit's output, or that of "acmdoctor check --ndjson". The first error is the last thing that comes; it
// names the line, and wraps [ErrNotAnAudit] or is that of reading. One line is held at a time.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), longestLine)
		n := 0
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			var l Line
			if err := json.Unmarshal(text, &l); err != nil {
				yield(Line{}, fmt.Errorf("line %d: %w: %w", n, ErrNotAnAudit, err))
				return
			}
			switch l.Verdict {
			case validate.Valid, validate.Invalid, validate.Undetermined:
			default:
				yield(Line{}, fmt.Errorf("line %d: %w: found verdict %q, expected valid, invalid or undetermined", n, ErrNotAnAudit, l.Verdict))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Line{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}

// appendHead begins a line: what the input calls the record, and how it stands to the earlier run.
func appendHead(b []byte, i Item, withFile bool, since Change, was validate.Verdict) []byte {
	b = append(b, '{')
	if i.ID != "" {
		b = appendField(b, "id", i.ID)
	}
	if withFile && i.File != "" {
		b = appendField(b, "file", i.File)
	}
	if i.Line > 0 {
		b = append(b, `"line":`...)
		b = append(strconv.AppendInt(b, int64(i.Line), 10), ',')
	}
	if since != "" {
		b = appendField(b, "since", string(since))
	}
	if was != "" {
		b = appendField(b, "was", string(was))
	}
	return b
}

func appendField(b []byte, name, value string) []byte {
	text, _ := json.Marshal(value) // a string always has a form
	b = append(append(append(b, '"'), name...), `":`...)
	return append(append(b, text...), ',')
}
