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
	width, says := 0, 0
	for _, w := range r.Perspectives {
		different = different || w.Says != SaysRecord
		width = max(width, utf8.RuneCountInString(name(w)))
		says = max(says, utf8.RuneCountInString(w.saysText()))
	}
	b.WriteString("\n")
	if !different {
		wrap(b, "  ", fmt.Sprintf("Recursive resolvers see the record, too: %s.", list(r.Perspectives, name)))
		return
	}
	b.WriteString("  Recursive resolvers, which do not count for the verdict:\n")
	for _, w := range r.Perspectives {
		line := fmt.Sprintf("    %-*s  %-*s", width, name(w), says, w.saysText())
		if !w.Until.IsZero() && w.Says != SaysRecord {
			line += "  until " + w.Until.UTC().Format(clock(w)) + ", in " + spanText(w.Left)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if r.Verdict == Valid && !r.ETA.IsZero() {
		wrap(b, "  ", fmt.Sprintf("Seen everywhere from %s on. Nothing you do makes that sooner.", r.ETA.UTC().Format("15:04:05 UTC on 2006-01-02")))
	}
}

// clock is how the end of a witness's memory is written: with the day where it is not today's or tomorrow's.
func clock(w Perspective) string {
	if w.Left > 24*time.Hour {
		return "15:04:05 UTC on 2006-01-02"
	}
	return "15:04:05 UTC"
}

// maxColumn is how much of a column is filled; what is longer is in the findings' evidence, whole.
const maxColumn = 60

// saysText is what the witness says, short enough for a column.
func (w Perspective) saysText() string {
	text, _, _ := strings.Cut(w.Text, addedMarker)
	if w.Says == SaysOther {
		text = string(SaysOther)
	}
	if r := []rune(text); len(r) > maxColumn {
		return string(r[:maxColumn]) + "…"
	}
	return text
}
