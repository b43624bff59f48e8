package rfc2136

import (
	"errors"
	"strings"
)

// isKnot reports whether the text is of Knot's configuration language: it has a section of keys.
func isKnot(text string) bool {
	for line := range strings.Lines(text) {
		if knotLine(line) == "key:" {
			return true
		}
	}
	return false
}

// knotLine is a line without its comment and what follows it, with the indent.
func knotLine(line string) string {
	line, _, _ = strings.Cut(line, "#") // no name, algorithm or secret holds one
	return strings.TrimRight(line, " \t\r\n")
}

// knot reads the section "key" of Knot's configuration, one item after the other; other sections are passed over.
func (p *keyParser) knot() (out []Key, err error) {
	var fields map[string]string
	end := func() error {
		if fields == nil {
			return nil
		}
		k, err := newKey(fields["id"], fields["algorithm"], fields["secret"])
		if err == nil {
			out, fields = append(out, k), nil
		}
		return err
	}
	section := ""
	p.line = 0
	for line := range strings.Lines(p.text) {
		p.line++
		line = knotLine(line)
		text := strings.TrimLeft(line, " \t")
		if text != "" && text == line && !strings.HasPrefix(text, "-") {
			section = text
			if err := end(); err != nil {
				return nil, err
			}
			continue
		}
		if text == "" || section != "key:" {
			continue
		}
		if item, ok := strings.CutPrefix(text, "-"); ok {
			if err := end(); err != nil {
				return nil, err
			}
			fields, text = map[string]string{}, strings.TrimLeft(item, " \t")
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || fields == nil {
			return nil, errors.New("a key is a list item with id, algorithm and secret")
		}
		fields[name] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return out, end()
}
