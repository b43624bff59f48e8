package validate

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Text says how [Report.WriteText] writes. The zero value is plain text with commands for dig.
type Text struct {
	Color    bool // verdict and severities in ANSI colours; the words say the same
	Nslookup bool // commands for nslookup, which Windows has, in place of dig
	Hints    []string
}

// textWidth is the column at which sentences are broken. Names are never broken: they are there to be copied.
const textWidth = 79

// beneath is where the values of a report's head stand.
const beneath = "           "

// WriteText writes the report for people: the verdict in a word, the cause in a sentence, what to do, then the proof.
func (r Report) WriteText(w io.Writer, t Text) error {
	var b strings.Builder
	head := r.headline()
	fmt.Fprintf(&b, "%s  %s  ", r.domains(), t.paint(r.Verdict))
	wrapFrom(&b, len(r.domains())+len(r.Verdict)+len("    "), "  ", head)
	if !r.Record.Name.IsZero() {
		fmt.Fprintf(&b, "    name   %s\n    value  %s\n", r.Record.Name, r.Record.Value)
	}
	if c := r.certificateText(); c != "" {
		b.WriteString("    ACM    ")
		wrapFrom(&b, len(beneath), beneath, c)
	}
	if !r.Zone.Name.IsZero() {
		at := list(r.Zone.NameServers, nameText)
		if !r.Host.IsZero() {
			at = r.Host.Name + ", " + at
		}
		fmt.Fprintf(&b, "    zone   %s  ", r.Zone.Name)
		wrapFrom(&b, len(beneath)+len(r.Zone.Name.String())+len("  "), beneath, "at "+at)
	}
	for i, f := range r.Findings {
		r.writeFinding(&b, f, i, t)
	}
	r.writePerspectives(&b)
	switch {
	case r.Verdict == Valid:
		b.WriteString("\n")
		keep := "Keep the record: ACM asks for it again at every renewal."
		if r.Security == "" {
			keep += " Not looked at: signatures (DNSSEC), since there is no trust anchor for these root servers."
		}
		wrap(&b, "  ", keep)
	case r.Verdict == Invalid && !r.ETA.IsZero() && fixesZone(r):
		b.WriteString("\n")
		wrap(&b, "  ", fmt.Sprintf("A CA sees the change as soon as every name server has it; resolvers that asked just before, by %s.",
			r.ETA.UTC().Format("15:04:05 MST on 2006-01-02")))
	}
	for _, h := range t.Hints {
		fmt.Fprintf(&b, "  %s\n", h)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func fixesZone(r Report) bool {
	for _, f := range r.Findings {
		for _, x := range f.Fixes {
			if x.Where == WhereZone && len(x.Changes) > 0 {
				return true
			}
		}
	}
	return false
}

func (r Report) domains() string {
	var out []string
	for _, d := range r.Record.Domains {
		out = append(out, d.Text())
	}
	if len(out) == 0 {
		return r.Record.Domain().Text()
	}
	return strings.Join(out, " ")
}

func (r Report) headline() string {
	if r.Verdict == Valid {
		head := "a CA that asks now finds the record"
		for _, f := range r.Findings {
			if f.About == AboutCertificate && f.Severity == Error {
				return head + ", and yet: " + titled(f)
			}
		}
		return head
	}
	if len(r.Findings) == 0 {
		return "the DNS did not answer well enough to say"
	}
	return titled(r.Findings[0])
}

// titled is a finding in a few words.
func titled(f Finding) string {
	title := f.Message
	for _, rule := range Rules() {
		if i := rule.Info(); i.ID == f.Rule {
			title = i.Title
		}
	}
	return fmt.Sprintf("%s (%s, %s)", title, f.Rule, f.Confidence)
}

func (r Report) writeFinding(b *strings.Builder, f Finding, i int, t Text) {
	b.WriteString("\n")
	label := t.paintSeverity(f.Severity)
	if f.ExplainedBy != "" {
		label += " explained by " + string(f.ExplainedBy)
	}
	wrap(b, "  ", fmt.Sprintf("%s: %s (%s)", label, sentence(f.Message), f.Rule))
	for k, x := range f.Fixes {
		b.WriteString("\n")
		lead := "Fix: "
		if k > 0 {
			lead = "Or:  "
		}
		for j, line := range strings.Split(x.Message, "\n") {
			switch {
			case j == 0:
				wrap(b, "  ", lead+sentence(line))
			case strings.HasPrefix(line, " "): // a form's fields, laid out as they are
				fmt.Fprintf(b, "  %s\n", line)
			default:
				wrap(b, "  ", sentence(line))
			}
		}
		for _, c := range x.Changes {
			for _, v := range c.From {
				fmt.Fprintf(b, "    - %s %s %s\n", c.Name, c.Type, v)
			}
		}
		for _, c := range x.Changes {
			for _, v := range c.To {
				fmt.Fprintf(b, "    + %s %d %s %s\n", c.Name, c.TTL, c.Type, v)
			}
		}
	}
	if len(f.Evidence) == 0 || f.ExplainedBy != "" && i > 0 {
		return
	}
	b.WriteString("\n  Seen:\n")
	for _, e := range f.Evidence {
		for _, line := range strings.Split(e.Text, "\n") {
			if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "found ") || strings.HasPrefix(line, "wanted ") {
				fmt.Fprintf(b, "    %s\n", line)
				continue
			}
			wrap(b, "    ", line)
		}
		command := e.Dig()
		if t.Nslookup {
			command = e.Nslookup()
		}
		if command != "" {
			fmt.Fprintf(b, "      %s\n", command)
		}
	}
}

// sentence gives a message its capital, unless it begins with a name.
func sentence(s string) string {
	if word, _, _ := strings.Cut(s, " "); s == "" || strings.ContainsAny(word, "._") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// wrap writes text broken at blanks, each line behind indent.
func wrap(b *strings.Builder, indent, text string) {
	b.WriteString(indent)
	wrapFrom(b, len(indent), indent, text)
}

// wrapFrom is wrap where the first line has begun already and is at a column.
func wrapFrom(b *strings.Builder, column int, indent, text string) {
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > textWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

func (t Text) paint(v Verdict) string {
	word := strings.ToUpper(string(v))
	return t.color(word, map[Verdict]string{Valid: "32", Invalid: "31", Undetermined: "33"}[v])
}

func (t Text) paintSeverity(s Severity) string {
	return t.color(string(s), map[Severity]string{Error: "31", Warning: "33", Notice: "36"}[s])
}

func (t Text) color(word, code string) string {
	if !t.Color || code == "" {
		return word
	}
	return "\x1b[1;" + code + "m" + word + "\x1b[0m"
}

// Elapsed in words is for progress lines; a report itself is the same whatever it took.
func (s Stats) String() string { return s.Elapsed.Round(time.Millisecond).String() }
