package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// screen is what is drawn in place on a terminal: a few lines, which the next drawing replaces. Lines are broken before the terminal
// does it, since only then it is known how many there are to go back over.
type screen struct {
	mu    sync.Mutex
	w     io.Writer
	size  func() (columns, rows int)
	drawn int // lines of the terminal
}

// newScreen gives the screen that w is; nil where w is no terminal, or one that cannot go back.
func newScreen(w io.Writer) *screen {
	if !isTerminal(w) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return &screen{w: w, size: func() (int, int) {
		columns, rows, err := term.GetSize(int(w.(*os.File).Fd()))
		if err != nil || columns <= 0 || rows <= 0 {
			return 80, 24
		}
		return columns, rows
	}}
}

// draw replaces what was drawn. What does not fit the terminal's height is left out, last lines first.
func (s *screen) draw(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns, rows := s.size()
	var out []string
	for _, l := range lines {
		out = append(out, broken(l, columns-1)...)
	}
	out = out[:min(len(out), max(rows-1, 1))]
	var b strings.Builder
	b.WriteString(s.back())
	for _, l := range out {
		b.WriteString(l + "\n")
	}
	s.drawn = len(out)
	_, _ = io.WriteString(s.w, b.String()) // nobody misses a line of progress
}

// clear takes away what was drawn.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wipe()
}

func (s *screen) wipe() {
	if s.drawn > 0 {
		_, _ = io.WriteString(s.w, s.back())
		s.drawn = 0
	}
}

// back goes to where the drawing begins and empties the rest.
func (s *screen) back() string {
	if s.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", s.drawn)
}

// beside gives w, with what is drawn taken away before each Write, and nothing drawn meanwhile: the next drawing would go back over
// what was written. A Write must end its line. Where there is no screen, or w is no terminal, it is w itself.
func (s *screen) beside(w io.Writer) io.Writer {
	if s == nil || !isTerminal(w) {
		return w
	}
	return &besideScreen{s, w}
}

type besideScreen struct {
	screen *screen
	w      io.Writer
}

func (b *besideScreen) Write(p []byte) (int, error) {
	b.screen.mu.Lock()
	defer b.screen.mu.Unlock()
	b.screen.wipe()
	return b.w.Write(p)
}

// fit breaks the lines of a text that are too long for the terminal, but for those that are indented: commands, to be copied. Where
// there is no terminal, the text stays as it is.
func (s *screen) fit(text string) string {
	if s == nil {
		return text
	}
	columns, _ := s.size()
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, " ") {
			out = append(out, l)
			continue
		}
		out = append(out, broken(l, columns-1)...)
	}
	return strings.Join(out, "\n")
}

// broken breaks a line at blanks into lines of at most width columns, each further one indented by four more than the first. A
// longer word is broken, too.
func broken(line string, width int) []string {
	const more = 4
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	width = max(width, len(indent)+2*more)
	var out []string
	current := indent
	flush := func() {
		out = append(out, strings.TrimRight(current, " "))
		current = indent + strings.Repeat(" ", more)
	}
	for i, word := range strings.Split(strings.TrimLeft(line, " "), " ") {
		if i > 0 {
			current += " "
		}
		if len(current)+len(word) > width && strings.TrimLeft(current, " ") != "" {
			flush()
		}
		for len(current)+len(word) > width {
			n := width - len(current)
			current, word = current+word[:n], word[n:]
			flush()
		}
		current += word
	}
	return append(out, strings.TrimRight(current, " "))
}
