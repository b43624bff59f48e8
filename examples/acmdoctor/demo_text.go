package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

// writeText tells a story that has been run. Only verdicts and severities are coloured, and only on a terminal.
func (o outcome) writeText(w io.Writer, n, of int) error {
	t := validate.Text{Color: wantsColor(w)}
	var b strings.Builder
	if of > 1 {
		head := fmt.Sprintf("%d of %d  %s: %s", n, of, o.story.name, o.story.title)
		fmt.Fprintf(&b, "\n\n%s\n%s\n", head, strings.Repeat("=", len([]rune(head))))
	} else {
		fmt.Fprintf(&b, "%s: %s\n", o.story.name, o.story.title)
	}
	paragraph(&b, o.story.text)
	o.writeZone(&b)

	step := 1
	section := func(format string, args ...any) {
		fmt.Fprintf(&b, "\n--- %d. %s\n\n", step, fmt.Sprintf(format, args...))
		step++
	}
	section("check, %s in simulated time", demoBegins.Format("15:04"))
	if err := o.before.WriteText(&b, t); err != nil {
		return err
	}
	switch {
	case o.planErr != nil:
		section("the plan")
		paragraph(&b, "No plan is made: "+strings.TrimPrefix(o.planErr.Error(), "providers: ")+".")
	case o.before.Verdict != validate.Valid:
		section("the plan")
		b.WriteString(o.plan.String())
	}
	if len(o.result.Done) > 0 {
		section("the plan is applied, %s", demoMends.Format("15:04"))
		writeDone(&b, o.result)
		b.WriteString("  Undo data is at hand: what was there could be put back.\n")
	}
	if o.acted {
		section("what only the %s can do, done %s", o.story.act.who, demoMends.Format("15:04"))
		paragraph(&b, sentenceCase(o.story.act.what))
	}
	if len(o.result.Done) == 0 && !o.acted {
		b.WriteString("\n")
		paragraph(&b, o.whyItEnds())
		return writeString(w, &b)
	}
	section("check again, %s", demoMends.Format("15:04"))
	if err := o.after.WriteText(&b, t); err != nil {
		return err
	}
	if len(o.forgets) > 0 {
		paragraph(&b, o.remembered())
	}
	if err := o.asTold(); err != nil {
		fmt.Fprintf(&b, "\nThis story was to end otherwise: %v\n", err)
	}
	return writeString(w, &b)
}

// writeZone shows the CNAME and TXT records that the user sees at the host, before anybody has looked.
func (o outcome) writeZone(b *strings.Builder) {
	b.WriteString("\n  What stands at the host:\n")
	for _, rr := range o.stood {
		fmt.Fprintf(b, "    %s\n      %-6s %s\n", rr.Name, rr.Type, rr.Text())
	}
	if len(o.stood) == 0 {
		b.WriteString("    no CNAME and no TXT record\n")
	}
}

func writeDone(b *strings.Builder, r providers.Result) {
	for _, s := range r.Done {
		what := "replaced"
		switch {
		case len(s.From.Values) == 0:
			what = "created"
		case len(s.To.Values) == 0:
			what = "deleted"
		}
		fmt.Fprintf(b, "  %s, and read back\n    %s %s\n", what, s.Name, s.Type)
	}
}

// remembered says until when caches may know it otherwise.
func (o outcome) remembered() string {
	var parts []string
	for _, f := range o.forgets {
		parts = append(parts, f.what+" until "+f.at.Format("15:04:05 MST on 2006-01-02"))
	}
	return "Resolvers that asked just before the change may remember " + strings.Join(parts, ", and ") + ". Nothing you do makes that sooner."
}

// whyItEnds says why there is no second check.
func (o outcome) whyItEnds() string {
	switch {
	case o.before.Verdict == validate.Valid && len(o.before.Findings) == 0:
		return "Nothing to mend, nothing changed."
	case o.before.Verdict == validate.Valid:
		return "The certificate can be issued. Nothing in the zone needs to be changed, and nothing was."
	case o.before.Verdict == validate.Undetermined:
		return "The story ends here: what could not be seen is not called missing, so nothing is planned and nothing was changed."
	}
	return "The story ends here: no change of records mends this, so nothing was changed. The fix above says who can."
}

// writeSummary closes the telling of several stories.
func writeSummary(w io.Writer, all []outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nHow the %d stories ended\n\n", len(all))
	told := 0
	for _, o := range all {
		end := "as told"
		if o.asTold() != nil {
			end = "NOT as told"
		} else {
			told++
		}
		from := strings.ToUpper(string(o.before.Verdict))
		to := strings.ToUpper(string(o.after.Verdict))
		fmt.Fprintf(&b, "  %-18s  %-12s  %-18s  %s", o.story.name, from, o.mended(), to)
		if end != "as told" {
			b.WriteString("  " + end)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "\n%d of %d ended as told. Your own record:\n  go run ./examples/acmdoctor check --name NAME --value VALUE\n", told, len(all))
	return writeString(w, &b)
}

func (o outcome) mended() string {
	switch {
	case len(o.result.Done) > 0:
		return "plan applied"
	case o.acted:
		return "by the " + o.story.act.who
	case o.before.Verdict == validate.Valid:
		return "nothing to change"
	}
	return "not by a plan"
}

func sentenceCase(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func writeString(w io.Writer, b *strings.Builder) error {
	_, err := io.WriteString(w, b.String())
	return err
}
