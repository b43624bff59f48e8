package validate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvColumns says in which column what stands, from 0; -1 where there is none. They are found by their headings, since the
// console has changed both order and words.
type csvColumns struct {
	comma                        rune
	id, domain, name, typ, value int
}

// csvHeader recognises the heading of a table whose columns are divided by commas, semicolons (as spreadsheets write them
// in many countries) or tabs.
func csvHeader(text string) (csvColumns, bool) {
	for _, comma := range ",;\t" {
		cells, err := splitCells(text, comma, 1)
		if err != nil || len(cells) < 2 {
			continue
		}
		h := csvColumns{comma, -1, -1, -1, -1, -1}
		for i, c := range cells {
			var column *int
			switch heading(c.text) {
			case "id":
				column = &h.id
			case "domain", "domainname":
				column = &h.domain
			case "name", "recordname", "cnamename", "resourcerecordname":
				column = &h.name
			case "type", "recordtype", "resourcerecordtype":
				column = &h.typ
			case "value", "recordvalue", "cnamevalue", "resourcerecordvalue":
				column = &h.value
			default:
				continue
			}
			if *column < 0 {
				*column = i
			}
		}
		if h.name >= 0 && h.value >= 0 {
			return h, true
		}
	}
	return csvColumns{}, false
}

// heading gives the letters of a heading in lower case.
func heading(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func (h csvColumns) parse(lines *inputLines, emit func(Source) bool) {
	lines.next() // the heading
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
		if strings.Trim(line.text, " \t\r,;\"") == "" || strings.HasPrefix(line.text, "#") {
			continue
		}
		if again, ok := csvHeader(line.text); ok { // several exports in one file
			h = again
			continue
		}
		if !emit(h.row(line)) {
			return
		}
	}
}

func (h csvColumns) row(line inputLine) Source {
	s := Source{Line: line.number}
	cells, bad := splitCells(line.text, h.comma, line.column)
	if bad != nil {
		bad.Line = line.number
		s.Err = bad
		return s
	}
	cell := func(i int) word {
		if i < 0 || i >= len(cells) {
			return word{}
		}
		return cells[i]
	}
	s.ID = strings.TrimSpace(cell(h.id).text)
	if n := max(h.name, h.value) + 1; len(cells) < n {
		s.Err = &InputError{
			Line: line.number, Column: line.column + utf8.RuneCountInString(line.text),
			Found: "a row of " + counted(len(cells), "column"), Expected: fmt.Sprintf("%d as in the heading", n),
		}
		return s
	}
	name, value, domain, typ := cell(h.name), cell(h.value), cell(h.domain), cell(h.typ)
	if isBlankCell(name.text) && isBlankCell(value.text) {
		s.Domain = domain.text
		s.Err = pending(line.number, name.column, domain.text)
		return s
	}
	if typ.text != "" && !strings.EqualFold(strings.TrimSpace(typ.text), "CNAME") {
		s.Domain, s.Name, s.Value = domain.text, name.text, value.text
		s.Err = wrongType(line.number, typ.column, typ.text)
		return s
	}
	raw := rawRecord{id: s.ID, line: line.number, name: name.field(line.number), value: value.field(line.number)}
	if !isBlankCell(domain.text) {
		raw.domain = domain.field(line.number)
	}
	return raw.source()
}

// isBlankCell recognises an empty cell, which the console shows as a dash.
func isBlankCell(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || s == "-" || s == "–"
}

// splitCells cuts a row at its commas; a cell in quotes may hold them (RFC 4180, 2). ASCII blanks around a cell go.
func splitCells(text string, comma rune, column int) ([]word, *InputError) {
	var cells []word
	rest := []rune(text)
	at := 0
	for {
		for at < len(rest) && rest[at] == ' ' {
			at++
		}
		from := at
		var cell []rune
		if at < len(rest) && rest[at] == '"' {
			from++
			for at++; ; at++ {
				if at >= len(rest) {
					return nil, &InputError{
						Column: column + from - 1, Found: `a quote that does not close`, Expected: `a closing '"' in the same line`,
					}
				}
				if rest[at] == '"' {
					if at+1 >= len(rest) || rest[at+1] != '"' {
						at++
						break
					}
					at++
				}
				cell = append(cell, rest[at])
			}
		}
		for at < len(rest) && rest[at] != comma {
			cell = append(cell, rest[at])
			at++
		}
		cells = append(cells, word{strings.Trim(string(cell), " "), column + from})
		if at >= len(rest) {
			return cells, nil
		}
		at++
	}
}
