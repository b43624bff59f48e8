package picture

import (
	"encoding/xml"
	"strings"
	"unicode"
	"unicode/utf8"
)

// face is a way in which text is set. Widths are those of DejaVu and Verdana, which are wider than what most systems have: a
// line that fits in these fits in others.
type face struct {
	class string
	size  float64 // px
	mono  bool
	bold  bool
}

// The faces.
var (
	verdictFace = face{"verdict", 22, false, true}
	domainFace  = face{"domain", 17, true, true}
	titleFace   = face{"head", 14, false, true}
	zoneFace    = face{"zone", 15, true, true}
	bodyFace    = face{"body", 13, false, false}
	softFace    = face{"soft", 12, false, false}
	nameFace    = face{"name", 12.5, true, false}
)

// leading is the height of a line.
func (f face) leading() int { return int(f.size*1.38 + 0.5) }

// width is how wide text is at most, in px.
func (f face) width(text string) (px float64) {
	for _, r := range text {
		px += f.px(r)
	}
	return px
}

// px is how wide a character is at most.
func (f face) px(r rune) float64 {
	if f.bold && !f.mono {
		return f.advance(r) * f.size * 1.11
	}
	return f.advance(r) * f.size
}

// advances are those of the characters of a sentence, in hundredths of the size, the wider of the two fonts; a to z.
var advances = [26]float64{61, 64, 55, 64, 62, 36, 64, 64, 28, 35, 60, 28, 98, 64, 62, 64, 64, 43, 53, 40, 64, 60, 82, 60, 60, 54}

func (f face) advance(r rune) float64 {
	switch {
	case r > unicode.MaxLatin1 && !strings.ContainsRune("…–—‘’“”·", r):
		return 1.2
	case f.mono:
		return 0.61
	case r >= 'a' && r <= 'z':
		return advances[r-'a'] / 100
	case strings.ContainsRune(" .,:;'|!()[]/IJ-‘’", r):
		return 0.46
	case strings.ContainsRune("MW@%…—", r):
		return 1.02
	case r >= 'A' && r <= 'Z':
		return 0.79
	}
	return 0.66
}

// wrap breaks text at blanks into lines of a width; a word that is wider than a line, such as a long name, is broken where it
// must be, and nothing of it is left out.
func (f face) wrap(text string, width float64) (lines []string) {
	line, used, blank := "", 0.0, f.px(' ')
	for _, word := range strings.Fields(text) {
		wide := f.width(word)
		if line != "" && used+blank+wide <= width {
			line += " " + word
			used += blank + wide
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for wide > width && word != "" {
			n, px := f.fits(word, width)
			lines = append(lines, word[:n])
			word, wide = word[n:], wide-px
		}
		line, used = word, wide
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// fits gives how many bytes of a word fit into a width, and how wide they are: at least one character, and up to the end of a
// label where one ends in the second half of the line.
func (f face) fits(word string, width float64) (n int, px float64) {
	dot, atDot := 0, 0.0
	for i, r := range word {
		w := f.px(r)
		if n > 0 && px+w > width {
			break
		}
		_, size := utf8.DecodeRuneInString(word[i:]) // of what is no character too
		n, px = i+size, px+w
		if r == '.' {
			dot, atDot = n, px
		}
	}
	if dot > n/2 {
		return dot, atDot
	}
	return n, px
}

// cut shortens a sentence at a blank. Only sentences are cut, whose whole text the report has.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most]
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		text = text[:i]
	}
	return strings.ToValidUTF8(strings.TrimRight(text, ",;: "), "") + " … (the report has all of it)"
}

// escape makes any text harmless in XML: what is no character there becomes U+FFFD, and so does what is not seen and changes
// how the rest is read, such as a turn of the writing's direction.
func escape(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
