package audit

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/acmdoctor/acmdoctor/validate"
)

// WriteJUnit writes an audit's lines as a JUnit report, which CI systems show as tests: a test case for each record, failed
// where it is invalid, in error where it is undetermined. The summary has the totals, which the format wants first. One
// line is held at a time. The error is that of the lines or of w.
//
// There is no standard; what is written keeps to the schema of Apache Ant's reports (github.com/windyroad/JUnit-Schema), which
// wants most, and to that of Jenkins's xUnit plugin (junit-10.xsd): hence what is empty, and totals at the suite alone.
func WriteJUnit(w io.Writer, lines iter.Seq2[Line, error], s Summary) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s<testsuites>\n<testsuite id=\"0\" package=\"acmdoctor\" name=\"acmdoctor audit\" hostname=\"localhost\" timestamp=\"%s\" "+
		"tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"0\" time=\"%.3f\">\n<properties/>\n",
		xml.Header, s.Began.UTC().Format(time.DateOnly+"T"+time.TimeOnly), s.Records, s.Invalid, s.Undetermined, s.Elapsed.Seconds())
	for l, err := range lines {
		if err != nil {
			return err
		}
		fmt.Fprintf(b, `<testcase classname="%s" name="%s" time="%.3f"`, escaped(l.class()), escaped(l.title()), float64(l.ElapsedMS)/1000)
		kind := map[validate.Verdict]string{validate.Invalid: "failure", validate.Undetermined: "error"}[l.Verdict]
		if kind == "" {
			b.WriteString("/>\n")
			continue
		}
		fmt.Fprintf(b, `><%s type="%s" message="%s">%s</%s></testcase>`+"\n",
			kind, escaped(string(l.Cause())), escaped(l.message()), escaped(l.details()), kind)
	}
	b.WriteString("<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n")
	return b.Flush()
}

// escaped is text that may stand in XML, also in an attribute; what XML has no characters for becomes U+FFFD.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes all
	return b.String()
}

func (l Line) class() string {
	if l.ID != "" {
		return l.ID
	}
	return "acmdoctor.audit"
}

// title is the record's domain, and its place where it has one: records of one domain differ by it.
func (l Line) title() string {
	if l.Line > 0 && l.Record.Domain != "" {
		return fmt.Sprintf("%s (line %d)", l.Record.Domain, l.Line)
	}
	return l.name()
}

func (l Line) message() string {
	if len(l.Findings) == 0 {
		return "the DNS did not answer well enough to say"
	}
	return l.Findings[0].Message
}

// details are the record, what was found, with its evidence, and what to do.
func (l Line) details() string {
	var b strings.Builder
	if l.Record.Name != "" {
		fmt.Fprintf(&b, "name   %s\nvalue  %s\n", l.Record.Name, l.Record.Value)
	}
	for _, f := range l.Findings {
		fmt.Fprintf(&b, "%s: %s (%s)\n", f.Severity, f.Message, f.Rule)
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, "  %s\n", e)
		}
		for _, x := range f.Fixes {
			fmt.Fprintf(&b, "  Fix: %s\n", x.Message)
		}
	}
	return b.String()
}
