package validate

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// maxInput bounds what is kept of an input at a time, in octets: one line, or one JSON value. The state of a large
// Terraform project takes a few million.
const maxInput = 64 << 20

// inputLine is a line, or the rest of one, with the place at which it begins.
type inputLine struct {
	text   string // without the line's end
	number int    // from 1
	column int    // of its first character, from 1
	long   bool   // there was more than is read: text is its beginning
}

// inputLines reads an input line by line, without its byte order mark, and can be given lines back.
type inputLines struct {
	r      *bufio.Reader
	number int
	given  []inputLine
	most   int   // octets of a line, and of a JSON value
	err    error // what ended the reading, if not the end of the input
}

func newInputLines(r io.Reader) *inputLines {
	b := bufio.NewReaderSize(r, 64<<10)
	mark, _ := b.Peek(3) // an error comes again when it is read
	switch {
	case len(mark) >= 3 && mark[0] == 0xef && mark[1] == 0xbb && mark[2] == 0xbf:
		_, _ = b.Discard(3)
	case len(mark) >= 2 && mark[0] == 0xff && mark[1] == 0xfe:
		_, _ = b.Discard(2)
		b = bufio.NewReaderSize(&utf16Reader{r: b, low: 0, high: 1}, 64<<10)
	case len(mark) >= 2 && mark[0] == 0xfe && mark[1] == 0xff:
		_, _ = b.Discard(2)
		b = bufio.NewReaderSize(&utf16Reader{r: b, low: 1, high: 0}, 64<<10)
	}
	return &inputLines{r: b, most: maxInput}
}

// next gives the next line; false at the end of the input or when reading failed.
func (l *inputLines) next() (inputLine, bool) {
	if n := len(l.given); n > 0 {
		line := l.given[n-1]
		l.given = l.given[:n-1]
		return line, true
	}
	if l.err != nil {
		return inputLine{}, false
	}
	var text []byte
	line := inputLine{number: l.number + 1, column: 1}
	for {
		part, err := l.r.ReadSlice('\n')
		text = append(text, part...)
		if line.long = line.long || len(text) > l.most; line.long {
			text = slices.Clone(text[:min(len(text), 80)]) // enough to tell what it begins with
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			l.err = err
			return inputLine{}, false // half a line is not what somebody wrote
		}
		if err != nil && len(text) == 0 {
			return inputLine{}, false
		}
		break
	}
	l.number++
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	line.text = string(text)
	return line, true
}

// giveBack makes the lines the next ones.
func (l *inputLines) giveBack(lines ...inputLine) {
	for i := len(lines) - 1; i >= 0; i-- {
		l.given = append(l.given, lines[i])
	}
}

// utf16Reader gives UTF-16, as Windows writes it, as UTF-8. What is no character becomes U+FFFD.
type utf16Reader struct {
	r         *bufio.Reader
	low, high int // which octet of a pair is which
	out       []byte
	held      rune // a first surrogate whose second is awaited
	err       error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 && u.err == nil {
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	if n == 0 && len(p) > 0 {
		return 0, u.err
	}
	return n, nil
}

func (u *utf16Reader) fill() {
	var pair [2]byte
	u.out = u.out[:0]
	for len(u.out) < 4096 {
		if _, err := io.ReadFull(u.r, pair[:]); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				u.out, err = utf8.AppendRune(u.out, utf8.RuneError), io.EOF
			}
			if u.held != 0 {
				u.out, u.held = utf8.AppendRune(u.out, utf8.RuneError), 0
			}
			u.err = err
			return
		}
		r := rune(pair[u.high])<<8 | rune(pair[u.low])
		if u.held != 0 {
			whole := utf16.DecodeRune(u.held, r)
			u.out, u.held = utf8.AppendRune(u.out, whole), 0
			if whole != utf8.RuneError {
				continue
			}
		}
		if r >= 0xd800 && r < 0xdc00 {
			u.held = r
			continue
		}
		u.out = utf8.AppendRune(u.out, r) // a second surrogate alone becomes U+FFFD
	}
}
