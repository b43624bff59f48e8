package validate

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonValue is a JSON value that knows where it stood, which encoding/json does not tell.
type jsonValue struct {
	kind    byte // '{', '[', '"', '0' for any number, 't', 'f', 'n'
	start   int  // octet of its first character
	text    string
	members []jsonMember
	items   []jsonValue
}

type jsonMember struct {
	key   string
	value jsonValue
}

// get gives the member with one of the names, in any letter case, as encoding/json reads them; the zero value where there
// is none, and where it is null.
func (v jsonValue) get(names ...string) jsonValue {
	for _, name := range names {
		for _, m := range v.members {
			if strings.EqualFold(m.key, name) && m.value.kind != 'n' {
				return m.value
			}
		}
	}
	return jsonValue{}
}

func (v jsonValue) exists() bool { return v.kind != 0 }

// describe says what kind of value this is.
func (v jsonValue) describe() string {
	switch v.kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "the string " + quoted(v.text)
	case '0':
		return "the number " + v.text
	case 'n':
		return "null"
	case 0:
		return "nothing"
	}
	return v.text
}

// jsonError says where a text stops being JSON (RFC 8259), by octet from 0.
type jsonError struct {
	at              int
	found, expected string
}

// maxJSONDepth bounds nesting. Modules of modules in Terraform's state reach some twenty.
const maxJSONDepth = 256

// parseJSON reads one value from the start of text and says where it ends.
func parseJSON(text string) (jsonValue, int, *jsonError) {
	p := jsonParser{text: text}
	v, err := p.value("a JSON value", 0)
	return v, p.at, err
}

type jsonParser struct {
	text string
	at   int
}

func (p *jsonParser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *jsonParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *jsonParser) fail(expected string) *jsonError {
	found := "the end of the input"
	if p.at < len(p.text) {
		r, _ := utf8.DecodeRuneInString(p.text[p.at:])
		found = codePoint(r)
	}
	return &jsonError{p.at, found, expected}
}

func (p *jsonParser) value(expected string, depth int) (jsonValue, *jsonError) {
	p.blanks()
	v := jsonValue{kind: p.peek(), start: p.at}
	if p.at == len(p.text) {
		return jsonValue{}, p.fail(expected)
	}
	switch c := v.kind; {
	case depth == maxJSONDepth && (c == '{' || c == '['):
		return jsonValue{}, &jsonError{p.at, "values nested deeper than that", fmt.Sprintf("at most %d levels", maxJSONDepth)}
	case c == '{':
		p.at++
		return p.object(v, depth)
	case c == '[':
		p.at++
		return p.array(v, depth)
	case c == '"':
		s, err := p.string()
		v.text = s
		return v, err
	case c == '-' || c >= '0' && c <= '9':
		v.kind = '0'
		err := p.number()
		v.text = p.text[v.start:p.at]
		return v, err
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.text[p.at:], word) {
			p.at += len(word)
			v.text = word
			return v, nil
		}
	}
	return jsonValue{}, p.fail(expected)
}

func (p *jsonParser) object(v jsonValue, depth int) (jsonValue, *jsonError) {
	for {
		p.blanks()
		if p.peek() == '}' && len(v.members) == 0 {
			p.at++
			return v, nil
		}
		if p.peek() != '"' {
			if len(v.members) == 0 {
				return v, p.fail(`a name in double quotes, or "}"`)
			}
			return v, p.fail("a name in double quotes")
		}
		key, err := p.string()
		if err != nil {
			return v, err
		}
		p.blanks()
		if p.peek() != ':' {
			return v, p.fail(`":" after the name ` + quoted(key))
		}
		p.at++
		member, err := p.value("a value for "+quoted(key), depth+1)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, jsonMember{key, member})
		p.blanks()
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			return v, nil
		default:
			return v, p.fail(`"," or "}"`)
		}
	}
}

func (p *jsonParser) array(v jsonValue, depth int) (jsonValue, *jsonError) {
	p.blanks()
	if p.peek() == ']' {
		p.at++
		return v, nil
	}
	for {
		item, err := p.value("a value", depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
		p.blanks()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return v, nil
		default:
			return v, p.fail(`"," or "]"`)
		}
	}
}

func (p *jsonParser) number() *jsonError {
	digits := func() bool {
		from := p.at
		for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
			p.at++
		}
		return p.at > from
	}
	if p.peek() == '-' {
		p.at++
	}
	if p.peek() == '0' {
		p.at++
	} else if !digits() {
		return p.fail("a digit")
	}
	if p.peek() == '.' {
		p.at++
		if !digits() {
			return p.fail("a digit")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if !digits() {
			return p.fail("a digit")
		}
	}
	return nil
}

// string reads a string from its opening quote to behind its closing one.
func (p *jsonParser) string() (string, *jsonError) {
	from := p.at + 1
	if end := strings.IndexByte(p.text[from:], '"'); end >= 0 {
		if s := p.text[from : from+end]; isPlainJSON(s) {
			p.at = from + end + 1
			return s, nil
		}
	}
	var b strings.Builder
	for p.at = from; ; {
		r, used, err := jsonRune(p.text, p.at)
		if err != nil {
			p.at = err.at
			return "", err
		}
		p.at += used
		if r < 0 {
			return b.String(), nil
		}
		b.WriteRune(r)
	}
}

func isPlainJSON(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// jsonRune reads one character of a string and says how many octets it took; -1 for the closing quote.
func jsonRune(text string, at int) (rune, int, *jsonError) {
	fail := func(at int, expected string) (rune, int, *jsonError) {
		p := jsonParser{text, at}
		return 0, 0, p.fail(expected)
	}
	if at >= len(text) {
		return fail(at, `the string's closing '"'`)
	}
	switch c := text[at]; {
	case c == '"':
		return -1, 1, nil
	case c == '\n':
		return 0, 0, &jsonError{at, "the end of the line", `the string's closing '"'`}
	case c < ' ':
		return fail(at, "no control character in a string")
	case c != '\\':
		r, n := utf8.DecodeRuneInString(text[at:])
		return r, n, nil
	case at+1 >= len(text):
		return fail(at+1, "an escape of JSON")
	}
	switch c := text[at+1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		first, ok := hex4(text, at+2)
		if !ok {
			return fail(at+2, "four hexadecimal digits")
		}
		if utf16.IsSurrogate(first) {
			if strings.HasPrefix(text[at+6:], `\u`) {
				if second, ok := hex4(text, at+8); ok {
					if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
						return r, 12, nil
					}
				}
			}
			return utf8.RuneError, 6, nil
		}
		return first, 6, nil
	}
	return fail(at+1, "an escape of JSON")
}

func hex4(text string, at int) (rune, bool) {
	if at+4 > len(text) {
		return 0, false
	}
	var v rune
	for _, c := range []byte(text[at : at+4]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || c < '0' {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, true
}

// jsonExtent finds the end of a value that is given to it line by line, so that an endless stream of values needs no more
// memory than one of them.
type jsonExtent struct {
	open     []byte // the brackets that are open
	inString bool
	last     byte // the last character that is not a blank, outside of strings
}

// feed looks at one more line. It gives the octet behind the value, or -1 where it goes on, or hopeless where no further
// line can make it JSON.
func (x *jsonExtent) feed(line string) (end int, hopeless bool) {
	for i := 0; i < len(line); i++ {
		c := line[i]
		if x.inString {
			switch c {
			case '\\':
				i++
			case '"':
				x.inString = false
				x.last = '"'
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r':
			continue
		case '"':
			x.inString = true
		case '{', '[':
			if n := len(x.open); n > 0 && (x.open[n-1] == '{' && x.last != ':' || x.last != ':' && x.last != ',' && x.last != '[') {
				return -1, true
			}
			if len(x.open) > maxJSONDepth {
				return -1, true
			}
			x.open = append(x.open, c)
		case '}', ']':
			if n := len(x.open); n == 0 || x.open[n-1] != c-2 { // '{'+2 is '}', '['+2 is ']'
				return -1, true
			}
			x.open = x.open[:len(x.open)-1]
			if len(x.open) == 0 {
				return i + 1, false
			}
		}
		x.last = c
	}
	return -1, x.inString // a string cannot go on over the end of a line
}
