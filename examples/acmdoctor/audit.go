package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
	"github.com/acmdoctor/acmdoctor/validate/audit"
)

// auditCommand is one run of audit.
type auditCommand struct {
	dns                 dnsFlags
	in                  auditInput
	out, err            io.Writer
	output, state       string
	since, failOn       string
	prometheus          string
	junit, sarif        string
	spool               *os.File // the lines, where a form of output is made of them and --output does not keep them
	ndjson, text        bool
	ordered, all        bool
	unread              int // lines that could not be read
	gone                []string
	progress            *auditProgress
	writer              audit.Text
	prints, printsToErr bool // results as text; the summary on standard error
}

// The words of --fail-on.
const (
	failUndetermined = "undetermined"
	failInvalid      = "invalid"
	failWarning      = "warning"
	failBroken       = "broken"
	failNever        = "never"
)

var failWords = []string{failInvalid, failUndetermined, failWarning, failBroken, failNever}

func newAuditCommand() *cobra.Command {
	c := &auditCommand{}
	cmd := &cobra.Command{
		Use:   "audit [SOURCE…]",
		Short: "many records: streaming, resumable, one line a record, a summary by rule at the end",
		Long: `audit checks records by the million, from --input, standard input or --acm, and
writes a report a line as JSON, each as soon as it is done, with the id and the
line of its record. On a terminal it prints a line for each record that is not
valid (--all: for each record). A summary by rule, zone and provider follows: on
standard error where standard output has the JSON. The forms of input are those of
check; a line that cannot be read has its own report, and the rest go on.

With --state FILE an audit that was cut off, by Ctrl-C, a crash or a full disk,
goes on when the same command is run again. With --output FILE each record then
has its line exactly once, whatever happened; with standard output so after an
interruption, while a crash may repeat the lines of its last second. The state is
bound to the input, the output and the version, and is removed at the end.

With --since FILE, the JSON lines of an earlier run, each report says what changed
("since": broken, mended, changed or new; "was": the verdict then), and the summary
counts them and names what is gone.

--prometheus, --junit and --sarif write what monitoring and CI systems read, at the
end, each file replaced as a whole.

Exit codes: 0 all valid, 1 at least one invalid, 2 none invalid and at least one
undetermined, 3 the run itself failed, 130 interrupted. --fail-on says what counts:
invalid (undetermined is 0), undetermined (the default), warning (a valid record
with a warning is 1, too), broken (1 where a record is invalid that was not so in
--since, 0 otherwise), never.`,
		Example: `  acmdoctor audit --input records.ndjson --output today.ndjson --state a.state
  acmdoctor audit --input records.ndjson --since yesterday.ndjson \
      --output today.ndjson --fail-on broken
  acmdoctor audit --acm --region eu-west-1 --region us-east-1
  zcat records.ndjson.gz | acmdoctor audit > today.ndjson`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			c.in.stdin = &interruptible{ctx: ctx, inner: cmd.InOrStdin()}
			return c.run(cmd.Context(), cancel, args)
		},
	}
	c.dns.add(cmd)
	cmd.Flags().Lookup("resolver").Usage = "a recursive resolver to compare with, `ADDR[:PORT]` and the other forms of check; repeatable (default: none)"
	c.in.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&c.output, "output", "", "write the JSON lines to `FILE`; standard output then has the text")
	fl.StringVar(&c.state, "state", "", "note in `FILE` how far the audit is, and go on from there")
	fl.StringVar(&c.since, "since", "", "compare with an earlier audit, whose JSON lines are in `FILE`")
	fl.StringVar(&c.prometheus, "prometheus", "", "write the summary to `FILE` as metrics, for node_exporter's textfile collector")
	fl.StringVar(&c.junit, "junit", "", "write a JUnit report to `FILE`, a test case for each record")
	fl.StringVar(&c.sarif, "sarif", "", "write a SARIF 2.1.0 report to `FILE`, for code scanning")
	fl.StringVar(&c.failOn, "fail-on", failUndetermined, "`WHAT` makes the exit code other than 0: "+strings.Join(failWords, ", "))
	fl.BoolVar(&c.ordered, "ordered", false, "lines in the order of the input")
	fl.BoolVar(&c.ndjson, "ndjson", false, "write the JSON lines to standard output, though it is a terminal")
	fl.BoolVar(&c.text, "text", false, "print text, though standard output is no terminal")
	fl.BoolVar(&c.all, "all", false, "print a line for valid records, too (text)")
	return cmd
}

func (c *auditCommand) run(ctx context.Context, abandon func(), args []string) error {
	failed := func(err error) error { return &exitError{exitFailed, err} }
	if err := c.sound(args); err != nil {
		return failed(err)
	}
	// A closed pipe is an error of writing: the run ends in order, with a state that goes on.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	if len(c.dns.resolvers) == 0 {
		c.dns.resolvers = []string{noResolver}
	}
	warn := func(s string) {
		fmt.Fprintf(c.err, "acmdoctor: %s\n", s)
	}
	c.in.warn = func(err error) { warn(err.Error()) }
	checker, err := c.dns.checker(warn)
	if err != nil {
		return failed(err)
	}
	checker.Lean = true
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(35) // memory that stays small is worth some collecting in a run of hours
	}
	run := audit.Run{Check: checker.CheckEach, Ordered: c.ordered, WithFile: c.in.several(), Each: c.each, Abandon: abandon, Resumed: c.resumed}
	if c.state != "" {
		run.State = &audit.State{Path: c.state, Version: programVersion()}
	}
	if run.Since, err = c.readBaseline(); err != nil {
		return failed(err)
	}
	if err := c.openOutput(&run); err != nil {
		return failed(err)
	}
	defer c.closeOutput(&run)
	shown := c.err
	if c.printsToErr && isTerminal(c.out) {
		shown = io.Discard // the lines on the terminal show how far it is, and a line of progress would stand among them
	}
	c.progress = startAuditProgress(shown, &c.in)
	c.out, c.err = c.progress.screen.beside(c.out), c.progress.screen.beside(c.err)
	sum, err := run.Do(ctx, c.in.items(ctx))
	c.progress.stop()
	if err == nil && run.Since != nil {
		err = c.findGone(run.Since, &sum)
	}
	if err == nil {
		err = c.writeForms(cmp.Or(run.File, c.spool), sum)
	}
	return c.end(ctx, sum, err)
}

// sound sees that the flags go together, before anything is asked or written.
func (c *auditCommand) sound(args []string) error {
	switch {
	case c.ndjson && c.text:
		return errors.New("--ndjson and --text exclude each other; with --output there are both")
	case c.ndjson && c.output != "":
		return errors.New("--output writes the JSON lines to a file; --ndjson is for standard output")
	case !slices.Contains(failWords, c.failOn):
		return fmt.Errorf("--fail-on: found %q, expected one of %s", c.failOn, strings.Join(failWords, ", "))
	case c.state != "" && c.output == "" && (c.junit != "" || c.sarif != ""):
		return errors.New("--junit and --sarif are made of all lines, those of earlier runs too; with --state they need --output FILE")
	case c.failOn == failBroken && c.since == "":
		return errors.New("--fail-on broken needs --since, the run to compare with")
	}
	if err := c.in.check(args); err != nil {
		return err
	}
	for i, a := range c.paths() {
		for _, b := range c.paths()[i+1:] {
			if sameFile(a.path, b.path) {
				return fmt.Errorf("%s and %s name the same file", a.flag, b.flag)
			}
		}
	}
	return nil
}

type namedPath struct{ flag, path string }

// paths are the files that must differ from each other, or one would be lost.
func (c *auditCommand) paths() (out []namedPath) {
	for _, p := range []namedPath{
		{"--output", c.output},
		{"--state", c.state},
		{"--since", c.since},
		{"--prometheus", c.prometheus},
		{"--junit", c.junit},
		{"--sarif", c.sarif},
	} {
		if p.path != "" {
			out = append(out, p)
		}
	}
	for _, f := range c.in.files {
		if f != "-" && !slices.ContainsFunc(out, func(p namedPath) bool { return p.flag == "--input" && sameFile(p.path, f) }) {
			out = append(out, namedPath{"--input", f})
		}
	}
	return out
}

func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, xerr := os.Stat(a)
	y, yerr := os.Stat(b)
	return xerr == nil && yerr == nil && os.SameFile(x, y)
}

// programVersion is what a state is bound to: the version of the module, and of the commit where it was built from one.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" && s.Value == "true" {
			version += " " + s.Key[len("vcs."):] + " " + s.Value
		}
	}
	return version
}

func (c *auditCommand) openOutput(run *audit.Run) error {
	c.writer.Color = wantsColor(c.out)
	switch {
	case c.output != "":
		file, err := os.OpenFile(c.output, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
			return errors.Join(fmt.Errorf("--output %s: expected a file that can be cut and read; leave --output out to write to standard output", c.output), err, file.Close())
		}
		run.File = file
		c.prints = isTerminal(c.out) || c.text
		return nil
	case c.text, isTerminal(c.out) && !c.ndjson:
		c.prints = true
	default:
		run.Output = c.out
		c.printsToErr = true
	}
	return c.addSpool(run)
}

// addSpool keeps the lines in a file that ends with the run, where a form of output is made of them.
func (c *auditCommand) addSpool(run *audit.Run) (err error) {
	if run.File != nil || c.junit == "" && c.sarif == "" {
		return nil
	}
	if c.spool, err = os.CreateTemp("", "acmdoctor-audit-*.ndjson"); err != nil {
		return err
	}
	if run.Output == nil {
		run.Output = c.spool
	} else {
		run.Output = io.MultiWriter(run.Output, c.spool)
	}
	return nil
}

func (c *auditCommand) closeOutput(run *audit.Run) {
	if run.File != nil {
		_ = run.File.Close() // it is on the disk already
	}
	if c.spool != nil {
		_ = c.spool.Close()
		_ = os.Remove(c.spool.Name())
	}
}

// writeForms writes the forms that other systems read; lines are those of the output. Each file is replaced as a whole.
func (c *auditCommand) writeForms(lines *os.File, sum audit.Summary) error {
	for _, form := range []struct {
		flag, path string
		write      func(io.Writer) error
	}{
		{"--prometheus", c.prometheus, func(w io.Writer) error { return audit.WritePrometheus(w, sum, time.Now()) }},
		{"--junit", c.junit, func(w io.Writer) error { return audit.WriteJUnit(w, audit.Lines(lines), sum) }},
		{"--sarif", c.sarif, func(w io.Writer) error {
			return audit.SARIF{Input: c.in.shown(), Version: programVersion()}.Write(w, audit.Lines(lines))
		}},
	} {
		if form.path == "" {
			continue
		}
		if lines != nil {
			if _, err := lines.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("%s: %w", form.flag, err)
			}
		}
		if err := audit.WriteFile(form.path, form.write); err != nil {
			return fmt.Errorf("%s: %w", form.flag, err)
		}
	}
	return nil
}

func (c *auditCommand) readBaseline() (*audit.Baseline, error) {
	if c.since == "" {
		return nil, nil
	}
	file, err := os.Open(c.since)
	if err != nil {
		return nil, fmt.Errorf("--since: %w", err)
	}
	defer file.Close()
	b, err := audit.ReadBaseline(file)
	if err != nil {
		return nil, fmt.Errorf("--since %s: %w", c.since, err)
	}
	return b, nil
}

// mostNamed is how many records of a kind are named where there may be very many.
const mostNamed = 20

func (c *auditCommand) findGone(b *audit.Baseline, sum *audit.Summary) error {
	file, err := os.Open(c.since)
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	defer file.Close()
	n, err := b.Gone(file, mostNamed, func(name string) { c.gone = append(c.gone, name) })
	if err != nil {
		return fmt.Errorf("--since %s: %w", c.since, err)
	}
	if sum.Changes == nil {
		sum.Changes = map[audit.Change]int{}
	}
	if n > 0 {
		sum.Changes[audit.Gone] = n
	}
	return nil
}

func (c *auditCommand) resumed(s audit.Summary) {
	c.progress.resumed(s)
	c.unread = s.Unreadable
	fmt.Fprintf(c.err, "acmdoctor: going on after %s\n", s.Headline())
}

// each tells a result: as text where that is wanted, on standard error where a line could not be read.
func (c *auditCommand) each(r audit.Result) error {
	c.progress.add(r.Verdict())
	if r.Item.Err != nil && r.Item.Record.Certificate.IsZero() {
		c.unread++
		switch {
		case c.unread <= mostNamed:
			fmt.Fprintf(c.err, "acmdoctor: %v\n", r.Item.Err)
		case c.unread == mostNamed+1:
			fmt.Fprintf(c.err, "acmdoctor: more lines cannot be read; each has its report, and they are counted\n")
		}
	}
	if !c.prints || r.Verdict() == validate.Valid && !c.all && r.Since != audit.Mended {
		return nil
	}
	if err := c.writer.WriteResult(c.out, r); err != nil {
		return fmt.Errorf("%w: %w", audit.ErrOutput, err)
	}
	return nil
}

func (c *auditCommand) end(ctx context.Context, sum audit.Summary, err error) error {
	goOn := ""
	if c.state != "" && !errors.Is(err, audit.ErrState) {
		goOn = "; the same command goes on from there"
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted after %s%s", sum.Headline(), goOn)}
	case err != nil:
		return &exitError{exitFailed, fmt.Errorf("%w%s", err, goOn)}
	case sum.Records == 0 && (c.unread > 0 || c.in.acmErrors > 0):
		return &exitError{code: exitFailed} // each source has said why
	}
	if err := c.writeSummary(sum); err != nil {
		return &exitError{exitFailed, err}
	}
	if code := c.code(sum); code != exitValid {
		return &exitError{code: code}
	}
	return nil
}

func (c *auditCommand) writeSummary(sum audit.Summary) error {
	w := c.out
	if c.printsToErr {
		w = c.err
	} else if c.prints && sum.Records > sum.Valid {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := c.writer.WriteSummary(w, sum); err != nil {
		return fmt.Errorf("%w: %w", audit.ErrOutput, err)
	}
	if len(c.gone) > 0 {
		more := ""
		if n := sum.Changes[audit.Gone] - len(c.gone); n > 0 {
			more = fmt.Sprintf("  and %d more\n", n)
		}
		if _, err := fmt.Fprintf(w, "\ngone since the earlier run\n  %s\n%s", strings.Join(c.gone, "\n  "), more); err != nil {
			return fmt.Errorf("%w: %w", audit.ErrOutput, err)
		}
	}
	return nil
}

// code is the exit code of a run that is complete.
func (c *auditCommand) code(sum audit.Summary) int {
	switch {
	case c.failOn == failNever:
		return exitValid
	case c.failOn == failBroken:
		if sum.Broken > 0 {
			return exitInvalid
		}
		return exitValid
	case sum.Invalid > 0, c.in.acmErrors > 0, c.failOn == failWarning && sum.Warned > 0:
		return exitInvalid
	case sum.Undetermined > 0 && c.failOn != failInvalid:
		return exitUndetermined
	}
	return exitValid
}
