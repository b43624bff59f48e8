package main

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
)

// glass is a terminal of some columns and rows as somebody looks at it, lines that have left it above included. It knows what screen
// and the reports write: characters, CR, LF, going up, and emptying the rest.
type glass struct {
	columns, rows int
	lines         []string // never empty
	row, column   int
}

func newGlass(columns, rows int) *glass {
	return &glass{columns: columns, rows: rows, lines: []string{""}}
}

func (g *glass) screen() *screen {
	return &screen{w: g, size: func() (int, int) { return g.columns, g.rows }}
}

var escape = regexp.MustCompile(`^\x1b\[(\d*)([AJK])`)

func (g *glass) Write(p []byte) (int, error) {
	for s := string(p); s != ""; {
		if m := escape.FindStringSubmatch(s); m != nil {
			s = s[len(m[0]):]
			switch m[2] {
			case "A":
				n, _ := strconv.Atoi(m[1])
				g.row = max(g.row-n, len(g.lines)-g.rows, 0) // it cannot go back to what has left
			case "J":
				g.lines = g.lines[:g.row+1]
				fallthrough
			default:
				g.lines[g.row] = g.lines[g.row][:min(g.column, len(g.lines[g.row]))]
			}
			continue
		}
		switch c := s[0]; c {
		case '\r':
			g.column = 0
		case '\n':
			g.down()
		default:
			if g.column == g.columns {
				g.down()
			}
			line := g.lines[g.row]
			line += strings.Repeat(" ", max(g.column-len(line), 0))
			g.lines[g.row] = line[:g.column] + string(c) + line[min(g.column+1, len(line)):]
			g.column++
		}
		s = s[1:]
	}
	return len(p), nil
}

func (g *glass) down() {
	g.row, g.column = g.row+1, 0
	if g.row == len(g.lines) {
		g.lines = append(g.lines, "")
	}
}

func (g *glass) String() string { return strings.Join(g.lines, "\n") }

// What is drawn in place leaves nothing behind, however narrow or low the terminal is and however long the names are.
func TestScreenReplacesWhatItDrew(t *testing.T) {
	long := strings.Repeat("long-label-of-a-domain.", 5) + "example.com"
	for _, size := range [][2]int{{80, 24}, {40, 24}, {20, 5}, {80, 3}, {200, 50}, {7, 2}} {
		t.Run(fmt.Sprintf("%d by %d", size[0], size[1]), func(t *testing.T) {
			g := newGlass(size[0], size[1])
			fmt.Fprintln(g, "before")
			s := g.screen()
			for _, lines := range [][]string{
				{"waiting", "  a.test  invalid, record-missing  next look in 17s, 3 looks so far; ACM gives up at 10:00 UTC on 2026-11-28"},
				{"asking the name servers: 0 of 12 records done, last begun " + long + ", 3s"},
				{"waiting", "  " + long, "  " + long + "  first look under way", "  x", "  y", "  z"},
				{"short"},
			} {
				s.draw(lines...)
				for _, l := range g.lines {
					assert.LessOrEqual(t, len(l), g.columns)
				}
			}
			assert.Equal(t, "before\nshort\n", g.String())
			s.clear()
			assert.Equal(t, "before\n", g.String())
			s.clear()
			assert.Equal(t, "before\n", g.String(), "there is nothing to take away")
		})
	}
}

// What is written beside a drawing stays, and the drawing goes on below it.
func TestScreenLeavesAloneWhatIsWrittenBeside(t *testing.T) {
	g := newGlass(40, 10)
	s := g.screen()
	report := &besideScreen{s, g}
	s.draw("asking the name servers of a.test, 2s")
	fmt.Fprintln(report, "a.test  VALID")
	assert.Equal(t, "a.test  VALID\n", g.String())
	s.draw("asking the name servers: 1 of 2 records done, last begun b.test, 3s")
	s.draw("asking the name servers: 1 of 2 records done, last begun b.test, 4s")
	fmt.Fprintln(report, "b.test  VALID")
	s.clear()
	assert.Equal(t, "a.test  VALID\nb.test  VALID\n", g.String())
	assert.Equal(t, io.Discard, s.beside(io.Discard), "what is no terminal has nothing drawn on it")
	assert.Equal(t, io.Discard, (*screen)(nil).beside(io.Discard))
}

func TestBrokenLines(t *testing.T) {
	assert.Equal(t, []string{"  a.test  invalid", "      next look in", "      17s"}, broken("  a.test  invalid  next look in 17s", 20))
	assert.Equal(t, []string{"abcdefghij", "    klmnop", "    qr"}, broken("abcdefghijklmnopqr", 10))
	assert.Equal(t, []string{"as it is"}, broken("as it is", 8))
}

// An error is broken at blanks on a terminal, and one line elsewhere, for whoever searches a log.
func TestErrorsFitATerminal(t *testing.T) {
	text := "acmdoctor: records.txt:7:24: value ends in acm-validation.aws.\nwhoever has credentials can pipe it in:\n  aws acm describe-certificate --certificate-arn ARN"
	assert.Equal(t, `acmdoctor: records.txt:7:24: value ends
    in acm-validation.aws.
whoever has credentials can pipe it in:
  aws acm describe-certificate --certificate-arn ARN`, newGlass(40, 24).screen().fit(text))
	assert.Equal(t, text, (*screen)(nil).fit(text))
}

func TestWaitDisplayOnATerminal(t *testing.T) {
	records := []*waited{}
	for _, domain := range []string{"a.test", "b.test"} {
		r, _, err := validate.ParseRecord("", "_a79."+domain, "_424.xyz.acm-validations.aws")
		require.NoError(t, err)
		records = append(records, &waited{source: validate.Source{Record: r}})
	}
	g := newGlass(80, 24)
	d := &waitDisplay{screen: g.screen(), records: records}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	records[0].update = validate.Update{
		Looks: 3, Stage: validate.AwaitServers, Next: now.Add(17 * time.Second), Until: now.Add(time.Hour),
		Report: validate.Report{Verdict: validate.Invalid, Findings: []validate.Finding{{Rule: "record-missing"}}},
	}
	d.draw(now)
	assert.Equal(t, `waiting for 2 of 2 records
  a.test  invalid, record-missing  next look in 17s, 3 looks so far; until
      13:00:00 UTC
  b.test  first look under way
`, g.String())
	records[0].update = validate.Update{Looks: 4, Stage: validate.AwaitEnd, Report: validate.Report{Verdict: validate.Valid}}
	d.draw(now)
	assert.Equal(t, "waiting for 1 of 2 records\n  b.test  first look under way\n", g.String())
	d.close()
	assert.Empty(t, g.String(), "what was shown is taken away")
}

// A wait for resolvers says what they do, and until when.
func TestWaitLineOfResolvers(t *testing.T) {
	r, _, err := validate.ParseRecord("", "_a79.a.test", "_424.xyz.acm-validations.aws")
	require.NoError(t, err)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	w := &waited{source: validate.Source{Record: r}, update: validate.Update{
		Looks: 2, Stage: validate.AwaitResolvers, Next: now.Add(time.Second), Report: validate.Report{Verdict: validate.Valid},
	}}
	assert.Equal(t, "a.test  valid; what resolvers remember is asked next  next look at 12:00:01 UTC", waitLine(w, time.Time{}))
	w.update.Report.Perspectives = []validate.Perspective{{Says: validate.SaysNoName, Until: now.Add(time.Minute)}}
	w.update.Report.ETA = now.Add(time.Minute)
	assert.Equal(t, "a.test  valid; some resolvers remember what was there before, until 12:01:00 UTC  next look in 1s, 2 looks so far", waitLine(w, now))
}

func TestCheckProgressLine(t *testing.T) {
	assert.Equal(t, "asking the name servers of a.test, 2s", progressLine(1, 0, "a.test", 2100*time.Millisecond))
	assert.Equal(t, "asking the name servers: 3 of 16 records done, last begun a.test, 2s", progressLine(16, 3, "a.test", 2*time.Second))
}
