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
		if !w.Until.IsZero() {
			says = max(says, utf8.RuneCountInString(w.saysText()))
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
		row := strings.TrimRight(fmt.Sprintf("%-*s  %s", says, w.saysText(), until), " ")
		if len(indent)+utf8.RuneCountInString(row) > textWidth {
			wrapFrom(b, len(indent), indent, row)
			continue
		}
		b.WriteString(row + "\n")
	}
	if r.Verdict == Valid && !r.ETA.IsZero() {
		wrap(b, "  ", fmt.Sprintf("Seen everywhere from %s on. Nothing you do makes that sooner.", r.ETA.UTC().Format("15:04:05 UTC on 2006-01-02")))
	}
}

// widestName is how long a resolver's name may be to stand in a column.
const widestName = 31

// clock is how the end of a witness's memory is written: with the day where it is not today's or tomorrow's.
func clock(w Perspective) string {
	if w.Left > 24*time.Hour {
		return "15:04:05 UTC on 2006-01-02"
	}
	return "15:04:05 UTC"
}

// saysText is what the witness says, without what it adds and whole values: these are in the findings' evidence.
func (w Perspective) saysText() string {
	text, _, _ := strings.Cut(w.Text, addedMarker)
	if w.Says == SaysOther {
		text = string(SaysOther)
	}
	return text
}
