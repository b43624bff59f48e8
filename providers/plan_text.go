package providers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/acmdoctor/acmdoctor/resolver"
)

// String shows the plan as a diff: what comes, what goes, why, and in which order. Names are whole, on lines of their own, to
// be copied; whatever came from a provider is escaped.
func (p Plan) String() string {
	var b strings.Builder
	if p.Empty() {
		fmt.Fprintf(&b, "Nothing to change")
		if !p.zone.Apex.IsZero() {
			fmt.Fprintf(&b, " in zone %s", p.zone.Apex.Text())
		}
		if p.provider != "" {
			fmt.Fprintf(&b, " at %s", printable(p.provider))
		}
		b.WriteByte('\n')
		labelled(&b, "Why", p.why)
		p.writeNotes(&b)
		return b.String()
	}
	b.WriteString(p.title() + "\n")
	for _, s := range p.Steps() {
		writeSet(&b, "-", s.From)
		writeSet(&b, "+", s.To)
	}
	why := p.why
	if p.rule != "" {
		why = string(p.rule) + ": " + why
	}
	if n, err := resolver.ParseName(p.zone.ID); p.zone.ID != "" && (err != nil || n != p.zone.Apex) {
		labelled(&b, "Zone ID", p.zone.ID) // which of its namesakes
	}
	labelled(&b, "Why", why)
	labelled(&b, "Touches", touches(len(p.units)))
	if !p.draft {
		labelled(&b, "Order", p.order())
	}
	p.writeNotes(&b)
	return b.String()
}

// title says what the plan is for and what it was made from.
func (p Plan) title() string {
	title, seen := "Plan", "as read at "
	if p.dir == back {
		title = "Plan to take back a change"
	}
	title += " for zone " + p.zone.Apex.Text()
	if p.provider != "" {
		title += " at " + printable(p.provider)
	}
	switch {
	case p.draft && p.dir == back:
		seen = "as recorded at "
	case p.draft:
		seen = "from what the DNS answered at "
	}
	return title + ", " + seen + p.made.UTC().Format("15:04:05 UTC")
}

func (p Plan) writeNotes(b *strings.Builder) {
	for _, n := range p.notes {
		labelled(b, "Note", n)
	}
}

// planWidth is the column at which sentences are broken; names are not, since they are there to be copied.
const planWidth = 79

// labelled writes a sentence beside its label, broken to fit below itself.
func labelled(b *strings.Builder, label, text string) {
	const column = 11
	fmt.Fprintf(b, "  %-9s", label)
	col := column
	for i, word := range strings.Fields(printable(text)) {
		switch {
		case i > 0 && col+1+len(word) > planWidth:
			b.WriteString("\n" + strings.Repeat(" ", column))
			col = column
		case i > 0:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	b.WriteByte('\n')
}

func writeSet(b *strings.Builder, sign string, s RRset) {
	if s.Name.IsZero() {
		return
	}
	fmt.Fprintf(b, "  %s %s\n", sign, s.Name)
	for _, v := range s.Values {
		ttl := "auto"
		if s.TTL != 0 {
			ttl = strconv.FormatUint(uint64(s.TTL), 10)
		}
		fmt.Fprintf(b, "      %-5s %-6s %s", ttl, s.Type, printable(v))
		if s.Hidden != Shown {
			fmt.Fprintf(b, "  (%s)", s.Hidden)
		}
		b.WriteByte('\n')
	}
}

func touches(n int) string {
	switch n {
	case 1:
		return "this name and no other"
	case 2:
		return "these two names and no other"
	}
	return fmt.Sprintf("these %d names and no other", n)
}

// order says what is done one after the other.
func (p Plan) order() string {
	if p.traits.Atomic {
		return "everything in one act, read back, check"
	}
	var out []string
	for _, u := range inOrder(p.units) {
		out = append(out, u.verb(p.traits), "read back")
	}
	return strings.Join(append(out, "check"), ", ")
}

// verb says how a unit is carried out.
func (u unit) verb(t Traits) string {
	gone, come := without(u.before, u.after), without(u.after, u.before)
	inPlace := len(gone) == 1 && len(come) == 1 && gone[0].Type == come[0].Type && t.Replaces
	switch {
	case len(gone) == 0:
		return "create"
	case len(come) == 0:
		return "delete"
	case inPlace:
		return "replace"
	}
	return "delete and create at once"
}

// inOrder gives the units so that an error at any point leaves at least what was there: create, replace, then delete.
func inOrder(units []unit) []unit {
	class := func(u unit) int {
		switch {
		case len(without(u.before, u.after)) == 0:
			return 0
		case len(without(u.after, u.before)) > 0:
			return 1
		}
		return 2
	}
	out := slices.Clone(units)
	slices.SortStableFunc(out, func(a, b unit) int { return class(a) - class(b) })
	return out
}

// names lists the names that units touch.
func names(units []unit) []resolver.Name {
	var out []resolver.Name
	for _, u := range units {
		out = append(out, u.name)
	}
	return out
}
