package validate

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
)

// Source is one record of an input, or what is wrong with it, and where it stood.
type Source struct {
	ID   string // the input's own name for it, from NDJSON or a column "id"; "" where it has none
	Line int    // the line it begins at, from 1
	// Record is the zero value where Err is not nil; where Err wraps [ErrNoRecord], it may hold the domain and what is
	// known about the certificate, and a check of it says what there is to say.
	Record Record
	Err    error // nil, an [*InputError], several joined, or the error of reading

	Domain, Name, Value string // as they were read, before anything was mended
}

// ParseCertificate reads all records of an input and recognises its form: the JSON of "aws acm describe-certificate" (its
// Certificate alone, an array of either, or several one after the other), the ACM console's CSV export, Terraform's
// domain_validation_options (as JSON of terraform output, show or console), NDJSON, and lines NAME CNAME VALUE. UTF-8, and
// UTF-16 with a byte order mark, are understood.
//
// Equal records of one certificate come once, with the domains of all: a wildcard and its base share one. What a
// certificate says of itself is in Record.Certificate. The records that could be read are
// given even where others could not; the error then joins an [*InputError] for each, at most twenty. An error wraps
// [ErrNoRecord] where the input is in order and its certificate has no record for DNS validation.
func ParseCertificate(r io.Reader) ([]Record, error) {
	const most = 20
	var records []Record
	var errs []error
	at := map[[3]string]int{}
	more := 0
	for s := range ParseSources(r) {
		if s.Err != nil {
			if len(errs) < most {
				errs = append(errs, s.Err)
			} else {
				more++
			}
			continue
		}
		key := s.Record.key()
		if i, ok := at[key]; ok {
			records[i] = merged(records[i], s.Record)
			continue
		}
		at[key] = len(records)
		records = append(records, s.Record)
	}
	if more > 0 {
		errs = append(errs, fmt.Errorf("%w: %d more errors like these", ErrInput, more))
	}
	return records, errors.Join(errs...)
}

// key tells records apart: the same record of another certificate has another fate.
func (r Record) key() [3]string {
	return [3]string{r.Name.String(), r.Value.String(), r.Certificate.ARN}
}

// merged adds the domains and notes of an equal record. A domain that is not the record's own has a note and is not added:
// the record does not prove it.
func merged(r, other Record) Record {
	const most = 40 // notes; each line of a long file could have its own
	for _, d := range other.Domains {
		if withoutAsterisk(d) == r.Domain() && !slices.Contains(r.Domains, d) {
			r.Domains = append(slices.Clip(r.Domains), d)
		}
	}
	for _, n := range other.Notes {
		if len(r.Notes) < most && !slices.Contains(r.Notes, n) {
			r.Notes = append(slices.Clip(r.Notes), n)
		}
	}
	return r
}

// ParseSources reads the same inputs as [ParseCertificate], for tools: one Source for each line, row or object, in the
// order of the input, equal ones repeated (a certificate gives one for each distinct record). What cannot be read is a
// Source with its error, and the rest go on. An input without any record gives one Source, with an error.
//
// It keeps one line, or one JSON value, in memory at a time, of 64 MiB at most: NDJSON of any length streams. Nothing is
// read before the sequence is asked, nor after it is stopped; it can be ranged over once.
func ParseSources(r io.Reader) iter.Seq[Source] {
	return func(yield func(Source) bool) { parseInput(newInputLines(r), yield) }
}

func parseInput(lines *inputLines, yield func(Source) bool) {
	seen, stopped := false, false
	emit := func(s Source) bool {
		seen = true
		stopped = !yield(s)
		return !stopped
	}
	first, ok := firstLine(lines)
	if ok {
		lines.giveBack(first)
		switch text := strings.TrimLeft(first.text, " \t"); {
		case text[0] == '{' || text[0] == '[':
			parseJSONValues(lines, emit)
		default:
			if h, ok := csvHeader(text); ok {
				h.parse(lines, emit)
			} else if form := cliForm(text); form != "" {
				emit(Source{Line: first.number, Err: &InputError{
					Line: first.number, Column: first.column, Found: "the AWS CLI's " + form, Expected: "its JSON",
					Message: "this is what the AWS CLI prints as " + form + "; with --output json, aws acm describe-certificate gives the form that is read",
				}})
			} else {
				parseRecordLines(lines, emit)
			}
		}
	}
	switch {
	case stopped:
	case lines.err != nil:
		yield(Source{Line: lines.number + 1, Err: fmt.Errorf("validate: read line %d of the input: %w", lines.number+1, lines.err)})
	case !seen:
		yield(Source{Err: &InputError{
			Found: "no record", Expected: "one of the forms that are read", Kind: ErrNoRecord,
			Message: "the input has no record: expected the JSON of aws acm describe-certificate, the console's CSV export, " +
				"Terraform's domain_validation_options, NDJSON, or lines NAME CNAME VALUE",
		}})
	}
}

// cliForm recognises by its first line what the AWS CLI prints of a certificate where its configuration asks for another form
// than JSON (AWS CLI User Guide, "Setting the output format"); "" for anything else.
func cliForm(first string) string {
	first = strings.TrimRight(first, " ")
	switch {
	case first == "Certificate:":
		return "YAML"
	case strings.HasPrefix(first, "CERTIFICATE\t"):
		return "text"
	case len(first) >= 10 && strings.Trim(first, "-") == "":
		return "a table"
	}
	return ""
}

// firstLine skips what is empty or a comment.
func firstLine(lines *inputLines) (inputLine, bool) {
	for {
		line, ok := lines.next()
		if !ok || !isIdle(line.text) {
			return line, ok
		}
	}
}

// isIdle reports whether a line is blank or a comment, in the way of shells or of zone files.
func isIdle(text string) bool {
	text = strings.TrimSpace(text)
	return text == "" || text[0] == '#' || text[0] == ';'
}

// tooLong is the error for a line that was not read whole.
func tooLong(line inputLine, most int) Source {
	return Source{Line: line.number, Err: &InputError{
		Line: line.number, Found: "a line longer than that", Expected: fmt.Sprintf("at most %d octets", most),
	}}
}

// rawField is a text of the input with a way to say where its characters stood: given the character in it, from 1, or 0
// for all of it, place gives line and column.
type rawField struct {
	text  string
	place func(character int) (line, column int)
}

// rawRecord is a record as it was read.
type rawRecord struct {
	id                  string
	line                int
	domain, name, value rawField
}

// source makes the record, and places what is wrong with it.
func (raw rawRecord) source() Source {
	s := Source{ID: raw.id, Line: raw.line, Domain: raw.domain.text, Name: raw.name.text, Value: raw.value.text}
	r, bad := parseRecord(s.Domain, s.Name, s.Value)
	for _, e := range bad {
		f := map[string]rawField{"domain": raw.domain, "name": raw.name, "value": raw.value}[e.Field]
		e.Line = raw.line
		if f.place != nil {
			e.Line, e.Column = f.place(e.Column)
		}
	}
	if s.Err = joinInput(bad); s.Err == nil {
		s.Record = r
	}
	return s
}
