package validate

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one word of a line and the column of its first character.
type word struct {
	text   string
	column int
}

func (w word) field(line int) rawField {
	return rawField{w.text, func(character int) (int, int) { return line, w.column + max(character, 1) - 1 }}
}

// parseRecordLines reads lines NAME CNAME VALUE. TTL and class may stand where a zone file has them (RFC 1035, 5.1), the
// type may be left out, a domain may stand in front, commas may stand between.
//
// Names count as full, with a final dot or without, unless the file has an $ORIGIN: then one without is relative, and
// refused, for what it would be relative to is not what a person wrote down.
func parseRecordLines(lines *inputLines, emit func(Source) bool) {
	origin := false
	for {
		line, ok := lines.next()
		if !ok {
			return
		}
		if line.long {
			if !emit(tooLong(line, lines.most)) {
				return
			}
			continue
		}
		if isIdle(line.text) || isHeading(line.text) {
			continue
		}
		if f := strings.Fields(line.text); f[0] == "$TTL" || f[0] == "$ORIGIN" {
			origin = origin || f[0] == "$ORIGIN"
			continue
		}
		if !emit(parseRecordLine(line, origin)) {
			return
		}
	}
}

// eventForm is how CloudFormation words a record in the events of a stack that waits for a certificate.
var eventForm = regexp.MustCompile(`\{Name:\s*([^,{}]+?)\s*,\s*Type:\s*CNAME\s*,\s*Value:\s*([^,{}]+?)\s*\}`)

// isHeading recognises the line above columns, NAME TYPE VALUE.
func isHeading(text string) bool {
	words := strings.Fields(strings.ToLower(text))
	return len(words) > 1 && words[0] == "name" && words[len(words)-1] == "value"
}

func parseRecordLine(line inputLine, origin bool) Source {
	fail := func(column int, field, found, expected string) Source {
		return Source{Line: line.number, Err: &InputError{
			Line: line.number, Column: column, Field: field, Found: found, Expected: expected,
		}}
	}
	if m := eventForm.FindStringSubmatchIndex(line.text); m != nil {
		part := func(i int) rawField {
			text := line.text[:m[2*i]]
			return word{line.text[m[2*i]:m[2*i+1]], line.column + utf8.RuneCountInString(text)}.field(line.number)
		}
		return rawRecord{line: line.number, name: part(1), value: part(2)}.source()
	}
	words, blank := splitWords(line)
	const form = "NAME CNAME VALUE"
	if len(words) > 0 && (strings.HasPrefix(words[0].text, "{") || strings.HasPrefix(words[0].text, "[")) {
		return fail(words[0].column, "", "JSON", "a line "+form+" like those before")
	}
	if len(words) < 2 {
		end := line.column + utf8.RuneCountInString(strings.TrimRightFunc(line.text, unicode.IsSpace))
		if len(words) == 1 {
			return fail(end, "", "the end of the line after "+quoted(words[0].text), form)
		}
		return fail(end, "", "an empty line", form)
	}
	if strings.HasPrefix(words[0].text, "$") {
		return fail(words[0].column, "", quoted(words[0].text), "a record")
	}
	if len(words) == 2 && !strings.Contains(words[0].text+words[1].text, ".") {
		return fail(words[0].column, "", quoted(words[0].text+" "+words[1].text), "a line "+form)
	}
	var domain word
	if len(words) == 4 && strings.EqualFold(words[2].text, "CNAME") && !isTTL(words[1].text) && !isClass(words[1].text) {
		domain, words = words[0], words[1:]
	}
	name, rest := words[0], words[1:]
	for len(rest) > 1 && (isTTL(rest[0].text) || isClass(rest[0].text)) {
		rest = rest[1:]
	}
	if len(rest) > 1 {
		typ := strings.Trim(rest[0].text, `"',:;`)
		if !strings.EqualFold(typ, "CNAME") {
			s := fail(rest[0].column, "type", quoted(typ), "CNAME")
			if isType(typ) {
				s.Err = &InputError{
					Line: line.number, Column: rest[0].column, Field: "type", Found: strings.ToUpper(typ), Expected: "CNAME",
					Message: "type is " + strings.ToUpper(typ) + ", and the records of ACM are CNAMEs",
				}
			}
			return s
		}
		rest = rest[1:]
	}
	if strings.EqualFold(rest[0].text, "CNAME") {
		return fail(rest[0].column+5, "", "the end of the line after CNAME", form)
	}
	if len(rest) > 1 {
		return fail(rest[1].column, "", quoted(rest[1].text), "the end of the line after the value")
	}
	for i, w := range []word{name, rest[0]} {
		if origin && !strings.HasSuffix(w.text, ".") {
			return fail(w.column, []string{"name", "value"}[i], quoted(w.text)+", which is relative to $ORIGIN", "a full name with its final dot")
		}
	}
	raw := rawRecord{line: line.number, name: name.field(line.number), value: rest[0].field(line.number)}
	if domain.text != "" {
		raw.domain = domain.field(line.number)
	}
	s := raw.source()
	if blank != 0 && s.Err == nil {
		s.Record.Notes = append(s.Record.Notes, Note{
			Rule: "input-unclean", Field: "value", Found: codePoint(blank),
			Message: fmt.Sprintf("%s stands between the words of line %d: read as a blank", codePoint(blank), line.number),
		})
	}
	return s
}

// splitWords cuts a line at its blanks, or at its commas where it has no blanks, without a comment at its end. It gives the
// first blank that is not an ASCII one, 0 where there is none.
func splitWords(line inputLine) ([]word, rune) {
	var words []word
	var blank rune
	column := line.column
	from, at := -1, 0
	end := func(i int) {
		if from >= 0 && strings.ContainsFunc(line.text[from:i], func(r rune) bool { return !isInvisible(r) }) {
			words = append(words, word{line.text[from:i], at})
		}
		from = -1
	}
	for i, r := range line.text {
		switch {
		case unicode.IsSpace(r):
			end(i)
			if r > 0x7f && blank == 0 {
				blank = r
			}
		case from < 0 && (r == '#' || r == ';'):
			return words, blank
		case from < 0:
			from, at = i, column
		}
		column++
	}
	end(len(line.text))
	if len(words) == 1 && strings.Count(words[0].text, ",") > 0 && strings.Trim(words[0].text, ",") != "" {
		whole := words[0]
		if inner := strings.TrimRight(whole.text, ","); strings.Contains(inner, ",") {
			words = nil
			column = whole.column
			for part := range strings.SplitSeq(inner, ",") {
				words = append(words, word{part, column})
				column += utf8.RuneCountInString(part) + 1
			}
		}
	}
	return words, blank
}

// isTTL recognises seconds, and the units of BIND: 1h30m.
func isTTL(s string) bool {
	return s != "" && s[0] >= '0' && s[0] <= '9' && strings.Trim(strings.ToLower(s), "0123456789smhdw") == ""
}

func isClass(s string) bool {
	return strings.EqualFold(s, "IN") || strings.EqualFold(s, "CH") || strings.EqualFold(s, "HS")
}

func isType(s string) bool {
	switch strings.ToUpper(s) {
	case "A", "AAAA", "ALIAS", "ANAME", "CAA", "DNAME", "DS", "MX", "NS", "PTR", "SOA", "SRV", "SPF", "TXT":
		return true
	}
	return false
}
