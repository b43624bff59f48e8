package validate

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// writePerspectives says what the recursive resolvers see: in one line where they all see the record, else who says what
// until when, in columns, since that is read by looking.
func (r Report) writePerspectives(b *strings.Builder) {
	if len(r.Perspectives) == 0 {
		return
	}
	name := func(w Perspective) string {
		if w.Own {
			return w.Resolver.String() + " (this machine's)"
		}
		return w.Resolver.String()
	}
	different := r.Verdict != Valid
	width, says := 0, 0 // of the columns; what would make them too wide stands on a line of its own
	for _, w := range r.Perspectives {
		different = different || w.Says != SaysRecord
		if n := utf8.RuneCountInString(name(w)); n <= widestName {
			width = max(width, n)
		}
		if n := utf8.RuneCountInString(w.Text); !w.Until.IsZero() && n <= widestWord {
			says = max(says, n)
		}
	}
	b.WriteString("\n")
	if !different {
		wrap(b, "  ", fmt.Sprintf("Recursive resolvers see the record, too: %s.", list(r.Perspectives, name)))
		return
	}
	b.WriteString("  Recursive resolvers, which do not count for the verdict:\n")
	for _, w := range r.Perspectives {
		until := ""
		if !w.Until.IsZero() && w.Says != SaysRecord {
			until = "until " + w.Until.UTC().Format(clock(w)) + ", in " + spanText(w.Left)
		}
		indent := strings.Repeat(" ", len("    ")+max(width, 2)+len("  "))
		if len(name(w)) > widestName {
			b.WriteString("    " + name(w) + "\n" + indent)
		} else {
			fmt.Fprintf(b, "    %-*s  ", len(indent)-len("      "), name(w))
		}
		row := strings.TrimRight(fmt.Sprintf("%-*s  %s", says, w.Text, until), " ")
		if len(indent)+utf8.RuneCountInString(row) <= textWidth {
			b.WriteString(row + "\n")
			continue
		}
		row = w.Text
		if until != "" {
			row += "; " + until
		}
		wrapFrom(b, len(indent), indent, row)
	}
	if r.Verdict == Valid && !r.ETA.IsZero() {
		wrap(b, "  ", fmt.Sprintf("Seen everywhere from %s on. Nothing you do makes that sooner.", r.ETA.UTC().Format("15:04:05 UTC on 2006-01-02")))
	}
}

// How long a resolver's name, and what it says, may be to stand in columns. Longer ones have lines of their own.
const (
	widestName = 31
	widestWord = 20
)

// clock is how the end of a witness's memory is written: with the day where it is not today's or tomorrow's.
func clock(w Perspective) string {
	if w.Left > 24*time.Hour {
		return "15:04:05 UTC on 2006-01-02"
	}
	return "15:04:05 UTC"
}
