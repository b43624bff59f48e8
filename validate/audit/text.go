package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
)

// Text writes results and summaries for people. The zero value writes no colours and knows the rules of this project.
type Text struct {
	Color bool
	Rules []validate.Rule // whose titles are used; nil: [validate.Rules]
	Top   int             // zones that a summary names; 0: ten

	titles map[validate.ID]string
}

// WriteResult writes a result as one line: the domain, the verdict, the cause in a few words, and how it stands to the
// earlier run. Nothing that came from outside can steer a terminal.
func (t *Text) WriteResult(w io.Writer, r Result) error {
	_, err := fmt.Fprintf(w, "%s  %s  %s%s\n", t.subject(r), t.verdict(r.Verdict()), t.cause(r), since(r))
	return err
}

func (t *Text) subject(r Result) string {
	switch record := r.Report.Record; {
	case !record.Name.IsZero():
		return record.Domain().Text()
	case len(record.Domains) > 0:
		return record.Domains[0].Text()
	case r.Item.File != "":
		return fmt.Sprintf("%s:%d", r.Item.File, r.Item.Line)
	}
	return fmt.Sprintf("line %d", r.Item.Line)
}

func (t *Text) verdict(v validate.Verdict) string {
	word := strings.ToUpper(string(v))
	if !t.Color {
		return word
	}
	code := map[validate.Verdict]string{validate.Valid: "32", validate.Invalid: "31"}[v]
	if code == "" {
		code = "33"
	}
	return "\x1b[" + code + "m" + word + "\x1b[0m"
}

func (t *Text) cause(r Result) string {
	switch {
	case !r.Item.isChecked():
		return fmt.Sprintf("%s (%s)", strings.ReplaceAll(r.Item.Err.Error(), "\n", "; "), validate.RuleUnreadable)
	case len(r.Report.Findings) == 0 && r.Report.Verdict == validate.Valid:
		return "a CA that asks now finds the record"
	case len(r.Report.Findings) == 0:
		return "the DNS did not answer well enough to say"
	}
	f := r.Report.Findings[0]
	return fmt.Sprintf("%s (%s, %s)", cmp.Or(t.title(f.Rule), f.Message), f.Rule, f.Confidence)
}

func (t *Text) title(rule validate.ID) string {
	if t.titles == nil {
		rules := t.Rules
		if rules == nil {
			rules = validate.Rules()
		}
		t.titles = map[validate.ID]string{}
		for _, r := range rules {
			t.titles[r.Info().ID] = r.Info().Title
		}
	}
	return t.titles[rule]
}

func since(r Result) string {
	switch r.Since {
	case "":
		return ""
	case New:
		return "  [new]"
	}
	return fmt.Sprintf("  [%s: was %s]", r.Since, r.Was)
}

// Headline is the summary in a sentence.
func (s Summary) Headline() string {
	records := "records"
	if s.Records == 1 {
		records = "record"
	}
	out := fmt.Sprintf("%d %s: %d valid, %d invalid, %d undetermined", s.Records, records, s.Valid, s.Invalid, s.Undetermined)
	if s.Warned > 0 {
		out += fmt.Sprintf("; %d of the valid with a warning", s.Warned)
	}
	if s.Unreadable > 0 {
		out += fmt.Sprintf("; %d of the invalid not readable", s.Unreadable)
	}
	return out
}

// WriteSummary writes a summary: the verdicts, what changed, and then by rule, by zone and by provider.
func (t *Text) WriteSummary(w io.Writer, s Summary) error {
	var b strings.Builder
	b.WriteString(s.Headline() + "\n")
	if s.Elapsed > 0 && s.Records > 0 {
		fmt.Fprintf(&b, "%s, %.0f records/s, %d questions\n", s.Elapsed.Round(time.Millisecond), float64(s.Records)/s.Elapsed.Seconds(), s.Questions)
	}
	if len(s.Changes) > 0 {
		var parts []string
		for _, c := range []struct {
			change Change
			words  string
		}{{Broken, "broken since"}, {Mended, "mended since"}, {Changed, "changed otherwise"}, {New, "new"}, {Gone, "gone"}} {
			parts = append(parts, fmt.Sprintf("%d %s", s.Changes[c.change], c.words))
		}
		fmt.Fprintf(&b, "against the earlier run: %s\n", strings.Join(parts, ", "))
	}
	tab := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(s.Rules) > 0 {
		fmt.Fprintf(tab, "\nby rule\trecords\tas the cause\twhat is wrong\n")
		for _, r := range s.ByRule() {
			c := s.Rules[r]
			fmt.Fprintf(tab, "  %s\t%d\t%d\t%s: %s\n", r, c.Records, c.Cause, c.Severity, t.title(r))
		}
		_ = tab.Flush() // a strings.Builder takes all
	}
	if len(s.Zones.Counts) > 0 {
		about := ""
		if s.Zones.Over > 0 {
			about = fmt.Sprintf("  (there are very many; a count can be %d too high)", s.Zones.Over)
		}
		fmt.Fprintf(tab, "\nby zone\tnot valid%s\n", about)
		top := cmp.Or(t.Top, 10)
		for _, c := range s.Zones.First(top) {
			fmt.Fprintf(tab, "  %s\t%d\n", c.Key, c.Count)
		}
		if more := len(s.Zones.Counts) - top; more > 0 {
			fmt.Fprintf(tab, "  and %d more\t\n", more)
		}
		_ = tab.Flush()
	}
	if len(s.Hosts) > 1 || len(s.Hosts) == 1 && s.Hosts[""] == (VerdictCount{}) {
		fmt.Fprintf(tab, "\nby provider\tvalid\tinvalid\tundetermined\n")
		for _, h := range s.ByHost() {
			c := s.Hosts[h]
			fmt.Fprintf(tab, "  %s\t%d\t%d\t%d\n", cmp.Or(h, "not known"), c.Valid, c.Invalid, c.Undetermined)
		}
		_ = tab.Flush()
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ByRule gives the rules, those that are the cause of most first, then by name.
func (s Summary) ByRule() []validate.ID {
	out := make([]validate.ID, 0, len(s.Rules))
	for r := range s.Rules {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b validate.ID) int {
		x, y := s.Rules[a], s.Rules[b]
		return cmp.Or(cmp.Compare(y.Cause, x.Cause), cmp.Compare(y.Records, x.Records), cmp.Compare(a, b))
	})
	return out
}

// ByHost gives the providers, those with most that is not valid first, then by name.
func (s Summary) ByHost() []string {
	out := make([]string, 0, len(s.Hosts))
	for h := range s.Hosts {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b string) int {
		x, y := s.Hosts[a], s.Hosts[b]
		return cmp.Or(cmp.Compare(y.Invalid+y.Undetermined, x.Invalid+x.Undetermined), cmp.Compare(y.Valid, x.Valid), cmp.Compare(a, b))
	})
	return out
}
