package validate

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// glyph is one character of a field and where it stood, so that what is said about it later can say where.
type glyph struct {
	r   rune
	col int // from 1
}

// cleaner makes one domain name of what was typed or pasted into one field, and keeps account of what it mended.
type cleaner struct {
	field string
	text  []glyph
	notes []mending
}

// mending is one kind of thing that was mended, however often it stood in the field.
type mending struct {
	found, action string
	col, count    int
}

// maxField bounds what is looked at, in octets: a name has 255 at most, and each may have been escaped, or be followed by
// something invisible.
const maxField = 8192

// cleanName understands a field. The name it gives is made of letters, digits, hyphens, underscores and asterisks only;
// whatever else remains after mending is an error.
func cleanName(field, text string) (resolver.Name, []Note, *InputError) {
	if isPlain(text) { // nearly every record of a large file
		if n, err := resolver.ParseName(text); err == nil {
			return n, nil, nil
		}
	}
	if len(text) > maxField {
		return resolver.Name{}, nil, &InputError{
			Field: field, Found: fmt.Sprintf("a text of %d octets", len(text)), Expected: "a domain name",
			Message: fmt.Sprintf("%s is a text of %d octets, where a domain name is expected", field, len(text)),
		}
	}
	c := &cleaner{field: field, text: make([]glyph, 0, len(text))}
	for _, r := range text {
		c.text = append(c.text, glyph{r, len(c.text) + 1})
	}
	total := len(c.text)
	c.unescape()
	c.replace()
	c.refang()
	c.trim()
	labels, bad := c.labels()
	if bad == nil && len(labels) == 0 {
		bad = &InputError{
			Field: field, Found: "nothing", Expected: "a domain name",
			Message: field + " is empty",
		}
		if total > 0 {
			bad.Message = fmt.Sprintf("%s has nothing left of its %s that could be a name", field, counted(total, "character"))
		}
	}
	if bad != nil {
		return resolver.Name{}, nil, bad
	}
	name, bad := c.name(labels)
	if bad != nil {
		return resolver.Name{}, nil, bad
	}
	return name, c.Notes(), nil
}

// isPlain reports whether text is made of nothing but what a name of ACM is made of.
func isPlain(text string) bool {
	for i := range len(text) {
		if !isNameOctet(text[i]) && text[i] != '.' && (text[i] != '*' || i > 0) {
			return false
		}
	}
	return text != "" && !strings.HasPrefix(text, ".") && (len(text) < 2 || text[0] != '*' || text[1] == '.')
}

func isNameOctet(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// mend takes a note. Equal ones are counted, so that a text full of invisible characters gives one.
func (c *cleaner) mend(found, action string, col int) {
	for i := range c.notes {
		if m := &c.notes[i]; m.found == found && m.action == action {
			m.count++
			return
		}
	}
	c.notes = append(c.notes, mending{found, action, col, 1})
}

// Notes gives what was mended, in the order of the text.
func (c *cleaner) Notes() []Note {
	const most = 12
	var notes []Note
	for i, m := range c.notes {
		if i == most {
			notes = append(notes, Note{
				Rule: "input-unclean", Field: c.field,
				Message: fmt.Sprintf("%s has %s more that are not part of it", c.field, counted(len(c.notes)-most, "kind of character")),
			})
			break
		}
		more := ""
		if m.count > 1 {
			more = " and in " + counted(m.count-1, "place") + " more"
		}
		notes = append(notes, Note{
			Rule: "input-unclean", Field: c.field, Column: m.col, Found: m.found,
			Message: fmt.Sprintf("%s has %s at character %d%s: %s", c.field, m.found, m.col, more, m.action),
		})
	}
	return notes
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if rest, ok := strings.CutPrefix(what, "kind "); ok {
		return fmt.Sprintf("%d kinds %s", n, rest)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

const leftOut = "left out"

// unescape undoes backslashes: those of Markdown (\_), of zone files (\095, RFC 1035, 5.1), of Route 53 (\052 for *: it
// counts in octal, Route 53 Developer Guide, "DNS domain name format") and of string literals (\u200b, \n).
func (c *cleaner) unescape() {
	out := make([]glyph, 0, len(c.text))
	for i := 0; i < len(c.text); i++ {
		g := c.text[i]
		if g.r != '\\' {
			out = append(out, g)
			continue
		}
		r, used := escaped(c.text[i+1:])
		seen := string(runesOf(c.text[i : i+1+used]))
		if used == 0 {
			c.mend("a backslash", leftOut, g.col)
			continue
		}
		i += used
		if used == 1 && r == c.text[i].r {
			c.mend("a backslash", leftOut, g.col)
		} else {
			c.mend(quoted(seen), "read as "+codePoint(r), g.col)
		}
		out = append(out, glyph{r, g.col})
	}
	c.text = out
}

// escaped reads what follows a backslash and says how many characters it took.
func escaped(text []glyph) (rune, int) {
	if len(text) == 0 {
		return 0, 0
	}
	number := func(from, digits, base int) (rune, bool) {
		if len(text) < from+digits {
			return 0, false
		}
		v := 0
		for _, g := range text[from : from+digits] {
			d := strings.IndexRune("0123456789abcdef", unicode.ToLower(g.r))
			if d < 0 || d >= base {
				return 0, false
			}
			v = v*base + d
		}
		return rune(v), true
	}
	decimal, ok := number(0, 3, 10)
	if octal, also := number(0, 3, 8); also && octal <= 0x7f && (decimal > 0x7f || isNameOctet(byte(decimal)) && decimal != '-' && decimal != '_') {
		return octal, 3 // nobody escapes letters and digits, so it is not the decimal of RFC 1035
	}
	if ok && decimal <= 0x7f { // an octet above that is no character by itself
		return decimal, 3
	}
	switch text[0].r {
	case 'u':
		if v, ok := number(1, 4, 16); ok && (v < 0xd800 || v > 0xdfff) {
			return v, 5
		}
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	}
	return text[0].r, 1
}

func runesOf(text []glyph) []rune {
	rs := make([]rune, len(text))
	for i, g := range text {
		rs[i] = g.r
	}
	return rs
}

// replace leaves out what cannot be seen and what quotes, and reads look-alikes of dot, hyphen, underscore, letters and
// digits as what they look like. White space becomes a plain space, for trim and labels to judge.
func (c *cleaner) replace() {
	out := c.text[:0]
	for _, g := range c.text {
		r := g.r
		switch {
		case (r == 0x200c || r == 0x200d) && len(out) > 0 && out[len(out)-1].r > 0x7f:
			// A joiner inside a word of some scripts is a letter of the name (RFC 5892, A.1 and A.2); idna judges.
		case unicode.IsSpace(r):
			if r > 0x7f {
				c.mend(codePoint(r), "read as a blank", g.col)
			}
			r = ' '
		case isInvisible(r):
			c.mend(codePoint(r), leftOut, g.col)
			continue
		case isQuote(r):
			c.mend(codePoint(r), leftOut, g.col)
			continue
		case lookalikes[r] != 0:
			c.mend(codePoint(r), fmt.Sprintf("read as %q", lookalikes[r]), g.col)
			r = lookalikes[r]
		case r >= 0xff01 && r <= 0xff5e:
			c.mend(codePoint(r), fmt.Sprintf("read as %q", r-0xfee0), g.col)
			r -= 0xfee0
		}
		out = append(out, glyph{r, g.col})
	}
	c.text = out
}

func isInvisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Cc, r):
		return true
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0100 && r <= 0xe01ef: // variation selectors
		return true
	}
	return r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x2800 || r == 0x3164 || r == 0xffa0
}

func isQuote(r rune) bool {
	return strings.ContainsRune("\"'`´«»‘’‚‛“”„‟′″‹›＂＇", r)
}

var lookalikes = map[rune]rune{
	0x2010: '-', 0x2011: '-', 0x2012: '-', 0x2013: '-', 0x2014: '-', 0x2015: '-', 0x2212: '-', 0xfe58: '-', 0xfe63: '-',
	0x2024: '.', 0x3002: '.', 0xfe52: '.', 0xff61: '.',
}

// refang undoes what keeps addresses in mail and tickets from becoming links.
func (c *cleaner) refang() {
	out := c.text[:0]
	for i := 0; i < len(c.text); i++ {
		g := c.text[i]
		used := 0
		for _, form := range []string{"[.]", "(.)", "{.}", "[dot]", "(dot)"} {
			if end := i + len(form); end <= len(c.text) && strings.EqualFold(string(runesOf(c.text[i:end])), form) {
				used = len(form)
				c.mend(quoted(form), "read as '.'", g.col)
				break
			}
		}
		if used > 0 {
			i += used - 1
			g.r = '.'
		}
		out = append(out, g)
	}
	c.text = out
}

var (
	// inFront is what consoles, zone files and browsers write in front of a name.
	inFront = regexp.MustCompile(`(?i)^(?:(?:(?:resource[ _]?record|record|cname|dns)[ _]*)?(?:name|value|host|target|points to)\s*[:=]\s*|cname\s+|(?:h(?:tt|xx)ps?:)?//|[-*•]\s+|<)`)
	behind  = regexp.MustCompile(`[/,;:>]+$`)
)

// trim takes off what stands in front of and behind a name. One final dot goes without a note.
func (c *cleaner) trim() {
	for dots := 0; ; {
		before := len(c.text)
		for len(c.text) > 0 && c.text[0].r == ' ' {
			c.mend("a blank", leftOut, c.text[0].col)
			c.text = c.text[1:]
		}
		for len(c.text) > 0 && c.text[len(c.text)-1].r == ' ' {
			c.mend("a blank", leftOut, c.text[len(c.text)-1].col)
			c.text = c.text[:len(c.text)-1]
		}
		if m := inFront.FindString(string(runesOf(c.text))); m != "" {
			c.mend(quoted(m), leftOut, c.text[0].col)
			c.text = c.text[len([]rune(m)):]
		}
		if m := behind.FindString(string(runesOf(c.text))); m != "" {
			at := len(c.text) - len(m)
			c.mend(quoted(m), leftOut, c.text[at].col)
			c.text = c.text[:at]
		}
		for len(c.text) > 0 && c.text[len(c.text)-1].r == '.' {
			if dots++; dots > 1 {
				c.mend("one more final dot", leftOut, c.text[len(c.text)-1].col)
			}
			c.text = c.text[:len(c.text)-1]
		}
		if len(c.text) == before {
			return
		}
	}
}

// labels cuts the text at its dots. Blanks go where they cannot have meant anything: beside a dot, and inside of what is
// known to be one word, a token of ACM or the end of every value. Elsewhere they may stand for a missing dot, or divide
// two names: that is not ours to decide.
func (c *cleaner) labels() ([][]glyph, *InputError) {
	if len(c.text) == 0 {
		return nil, nil
	}
	var labels [][]glyph
	from := 0
	for i := 0; i <= len(c.text); i++ {
		if i < len(c.text) && c.text[i].r != '.' {
			continue
		}
		label, at := c.text[from:i], c.text[min(i, len(c.text)-1)].col
		joined, blank := make([]glyph, 0, len(label)), 0
		for _, g := range label {
			if g.r != ' ' {
				joined = append(joined, g)
			} else if blank == 0 {
				blank = g.col
			}
		}
		if len(joined) == 0 {
			return nil, &InputError{
				Field: c.field, Column: at, Found: "an empty label", Expected: "one dot between two labels",
				Message: c.field + " has a dot with nothing in front of it",
			}
		}
		if blank != 0 {
			inner := strings.ContainsRune(strings.TrimSpace(string(runesOf(label))), ' ')
			second := from > 0 && joined[0].r == '_' // a second token is a second name
			if inner && !isOneWord(string(runesOf(joined))) || second {
				return nil, &InputError{
					Field: c.field, Column: blank, Found: "a blank", Expected: "one name without blanks",
					Message: c.field + " has a blank in it, where one name without blanks is expected",
				}
			}
			c.mend("a blank", leftOut, blank)
		}
		labels = append(labels, joined)
		from = i + 1
	}
	return labels, nil
}

// isOneWord reports whether text is a label that ACM makes and that is long enough to be known from all others.
func isOneWord(text string) bool {
	return isToken(text) || strings.EqualFold(text, "acm-validations")
}

// isToken reports whether text has the form of the tokens that ACM makes today: an underscore and 32 hexadecimal digits.
func isToken(text string) bool {
	rest, ok := strings.CutPrefix(text, "_")
	return ok && isHex32(rest)
}

func isHex32(text string) bool {
	return len(text) == 32 && strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}

// lookup is what a browser does with a name that was typed (UTS #46, RFC 5891, 5).
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckJoiners(true), idna.StrictDomainName(true))

// name makes the name of the labels, those of other scripts in their ASCII form (RFC 5890, 2.3.2.1).
func (c *cleaner) name(labels [][]glyph) (resolver.Name, *InputError) {
	if bad := c.disguised(labels); bad != nil {
		return resolver.Name{}, bad
	}
	text := make([]string, len(labels))
	octets := 1
	for i, label := range labels {
		s, bad := c.label(label)
		if bad != nil {
			return resolver.Name{}, bad
		}
		text[i] = s
		octets += 1 + len(s)
	}
	if octets > 255 {
		return resolver.Name{}, &InputError{
			Field: c.field, Found: fmt.Sprintf("a name of %d octets", octets), Expected: "at most 255 (RFC 1035, 2.3.4)",
			Message: fmt.Sprintf("%s takes %d octets, where 255 are the most (RFC 1035, 2.3.4)", c.field, octets),
		}
	}
	n, err := resolver.ParseName(strings.Join(text, "."))
	if err != nil {
		return resolver.Name{}, &InputError{
			Field: c.field, Found: quoted(strings.Join(text, ".")), Expected: "a domain name", Kind: err,
		}
	}
	return n, nil
}

func (c *cleaner) label(label []glyph) (string, *InputError) {
	plain := true
	for _, g := range label {
		switch {
		case g.r == 0x2026:
			return "", &InputError{
				Field: c.field, Column: g.col, Found: codePoint(g.r), Expected: "the whole name",
				Message: c.field + " is cut short by " + codePoint(g.r) + ": copy the whole of it",
			}
		case g.r == '*' && len(label) == 1:
		case g.r > 0x7f && g.r != unicode.ReplacementChar && label[0].r != '_':
			plain = false
		case g.r > 0x7f || !isNameOctet(byte(g.r)):
			return "", c.foreign(g)
		}
	}
	s := string(runesOf(label))
	if !plain {
		ascii, err := lookup.ToASCII(s)
		if err != nil || !isPlain(ascii) || strings.ContainsAny(ascii, ".*") {
			for _, g := range label {
				if g.r > 0x7f {
					return "", &InputError{
						Field: c.field, Column: g.col, Found: codePoint(g.r), Expected: "a name allowed by IDNA (RFC 5891)",
						Message: fmt.Sprintf("%s has %s in %s, which is no label that IDNA allows (RFC 5891)", c.field, codePoint(g.r), quoted(s)),
					}
				}
			}
		}
		c.mend(quoted(s), "read as "+ascii, label[0].col)
		s = ascii
	}
	if len(s) > 63 {
		return "", &InputError{
			Field: c.field, Column: label[0].col, Found: fmt.Sprintf("a label of %d octets", len(s)),
			Expected: "at most 63 (RFC 1035, 2.3.4)",
			Message:  fmt.Sprintf("%s has a label of %d octets, where 63 are the most (RFC 1035, 2.3.4)", c.field, len(s)),
		}
	}
	return strings.ToLower(s), nil
}

func (c *cleaner) foreign(g glyph) *InputError {
	const expected = "a letter, digit, hyphen, underscore or dot"
	return &InputError{
		Field: c.field, Column: g.col, Found: codePoint(g.r), Expected: expected,
		Message: fmt.Sprintf("%s has %s, where %s is expected", c.field, codePoint(g.r), expected),
	}
}

// homoglyphs are letters of other scripts that look like those of acm-validations.aws.
var homoglyphs = strings.NewReplacer("а", "a", "ɑ", "a", "α", "a", "с", "c", "ⅽ", "c", "м", "m", "ⅿ", "m", "ѵ", "v", "ν", "v",
	"ӏ", "l", "ⅼ", "l", "і", "i", "ı", "i", "ԁ", "d", "т", "t", "о", "o", "ο", "o", "п", "n", "ѕ", "s", "ԝ", "w", "ѡ", "w")

// disguised refuses a value of ACM with letters of other scripts in it: it only looks like one, and IDNA would make
// another name of it.
func (c *cleaner) disguised(labels [][]glyph) *InputError {
	n := len(labels)
	if n < 2 || homoglyphs.Replace(strings.ToLower(string(runesOf(labels[n-2])))) != "acm-validations" ||
		homoglyphs.Replace(strings.ToLower(string(runesOf(labels[n-1])))) != "aws" {
		return nil
	}
	for _, label := range labels {
		for _, g := range label {
			if g.r > 0x7f {
				return c.foreign(g)
			}
		}
	}
	return nil
}
