package picture

import (
	"encoding/xml"
	"strings"
	"unicode"
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
func (f face) width(text string) float64 {
	em := 0.0
	for _, r := range text {
		em += f.advance(r)
	}
	if f.bold && !f.mono {
		em *= 1.11
	}
	return em * f.size
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
	line := ""
	for _, word := range strings.Fields(text) {
		joined := word
		if line != "" {
			joined = line + " " + word
		}
		if f.width(joined) <= width {
			line = joined
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for f.width(word) > width {
			n := f.fits(word, width)
			lines = append(lines, word[:n])
			word = word[n:]
		}
		line = word
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// fits gives how many bytes of a word fit into a width: at least one character, and up to the end of a label where one ends
// in the second half of the line.
func (f face) fits(word string, width float64) int {
	n, dot := 0, 0
	for i, r := range word {
		end := i + len(string(r))
		if f.width(word[:end]) > width && n > 0 {
			break
		}
		if n = end; r == '.' {
			dot = end
		}
	}
	if dot > n/2 {
		return dot
	}
	return n
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

// escape makes any text harmless in XML: what is no character there becomes U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
