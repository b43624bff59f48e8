package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
)

// checkCommand is one run of check.
type checkCommand struct {
	dns                 dnsFlags
	in                  inputFlags
	at                  accountFlags
	json, ndjson        bool
	transcript, replay  string
	picture             string
	pictures            *pictures
	consultant          *consultant
	out, err            io.Writer
	text                validate.Text
	valid, invalid, unk int // verdicts so far
	bad                 int // sources that could not be read
	badRecords          int // of these, those that were records, though of no use: they have a verdict
}

func newCheckCommand(world accountWorld) *cobra.Command {
	c := &checkCommand{at: accountFlags{world: world}}
	cmd := &cobra.Command{
		Use:   "check [SOURCE…]",
		Short: "checks records; prints what is wrong, why, and how to fix it",
		Long: `check asks the DNS as a public CA does and prints a verdict for each record:
valid, invalid or undetermined, with the cause, its evidence and the change that
mends it. It changes nothing.

SOURCE is a certificate's ARN, which is read through the AWS API with the
credentials that every AWS tool finds; or a file or - for standard input: the
JSON of aws acm describe-certificate, the console's CSV export, Terraform's
domain_validation_options, NDJSON, or lines NAME CNAME VALUE. The form is
recognised. One record can be typed with --name and --value; together with its
certificate as SOURCE it is also seen whether it is that certificate's.

With --provider the provider is asked, too, what it holds about a record that is not
right: it knows what the DNS cannot show, such as a copy in a private zone, in a
zone of the same name that nobody asks, or under a damaged name. It only reads.
Credentials are found as fix finds them; without them, or where they do not allow
it, that is said and the check is one of the DNS alone.

--json prints the report for programs, --ndjson one a line. Exit codes: 0 all valid,
1 at least one invalid (or not readable), 2 none invalid and at least one
undetermined, 3 the run itself failed and nothing was checked, 130 interrupted.`,
		Example: `  acmdoctor check arn:aws:acm:eu-west-1:123456789012:certificate/ID
  aws acm describe-certificate --certificate-arn ARN | acmdoctor check -
  acmdoctor check --name _a79….example.com. --value _424….acm-validations.aws.
  acmdoctor check --ndjson records.ndjson
  acmdoctor check --provider auto pending.json
  acmdoctor check --transcript dns.txt pending.json
  acmdoctor check --replay dns.txt
  acmdoctor check --picture way.svg pending.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			c.in.stdin = &interruptible{ctx: cmd.Context(), inner: cmd.InOrStdin()}
			return c.run(cmd, args)
		},
	}
	c.dns.add(cmd)
	c.in.add(cmd)
	c.at.add(cmd)
	c.at.reads(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print the report as JSON (several records: an array)")
	cmd.Flags().BoolVar(&c.ndjson, "ndjson", false, "print one report a line as JSON, in input order")
	cmd.Flags().StringVar(&c.transcript, "transcript", "", "write every DNS exchange to `FILE`")
	cmd.Flags().StringVar(&c.replay, "replay", "", "check from such a `FILE`, with no network; the record may be left out")
	cmd.Flags().StringVar(&c.picture, "picture", "", "draw the way from the root to the record into `FILE`, an SVG picture (several records: one each, FILE-DOMAIN.svg)")
	return cmd
}

func (c *checkCommand) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	failed := func(err error) error { return &exitError{exitFailed, err} }
	if c.json && c.ndjson {
		return failed(errors.New("--json and --ndjson exclude each other"))
	}
	say := func(s string) { fmt.Fprintf(c.err, "acmdoctor: %s\n", s) }
	checker, err := c.dns.checker(say)
	if err != nil {
		return failed(err)
	}
	rec, err := newRecording(checker, c.transcript, c.replay, c.dns)
	if err != nil {
		return failed(err)
	}
	if c.consultant, err = newConsultant(ctx, cmd, &c.at, rec, c.dns.timeout, say); err != nil {
		return failed(err)
	}
	if c.pictures, err = newPictures(c.picture, checker); err != nil {
		return failed(err)
	}
	sources, err := c.in.sources(args, rec.sources)
	if err != nil {
		return failed(err)
	}
	progress := startProgress(c.err)
	c.text = validate.Text{Color: wantsColor(c.out), Nslookup: runtime.GOOS == "windows"}
	c.out, c.err = progress.screen.beside(c.out), progress.screen.beside(c.err)
	checker.Consult = c.consultant.rules
	err = c.checkAll(ctx, checker, sources, rec, progress)
	progress.stop()
	if werr := rec.write(); err == nil && werr != nil {
		err = werr
	}
	if werr := c.pictures.finish(c.err); err == nil && werr != nil {
		err = werr
	}
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Errorf("interrupted after %s", c.summary())}
	case err != nil:
		return failed(err)
	case c.valid+c.invalid+c.unk+c.badRecords == 0:
		return &exitError{code: exitFailed} // each source has said why
	case c.invalid+c.bad > 0:
		return &exitError{code: exitInvalid}
	case c.unk > 0:
		return &exitError{code: exitUndetermined}
	}
	return nil
}

// checkAll feeds the sources to the checker and prints what comes, in input order; sources that could not be read are
// told where they stand.
func (c *checkCommand) checkAll(ctx context.Context, checker *validate.Checker, sources iter.Seq[validate.Source], rec *recording, progress *progress) error {
	var waiting []validate.Source
	records := func(yield func(validate.Record) bool) {
		for s := range sources {
			waiting = append(waiting, s)
			if isChecked(s) {
				rec.note(s)
				progress.started(domainOf(s))
				if !yield(s.Record) {
					return
				}
			}
		}
	}
	p := printer{out: c.out, json: c.json, ndjson: c.ndjson, text: c.text}
	var together group
	flush := func() error {
		sources, reports := together.take()
		for i, rep := range reports {
			if err := p.report(sources[i], rep); err != nil {
				return err
			}
			if err := c.pictures.add(rep); err != nil {
				return err
			}
		}
		return nil
	}
	flushBad := func() error {
		for len(waiting) > 0 && !isChecked(waiting[0]) {
			if err := flush(); err != nil {
				return err
			}
			s := waiting[0]
			waiting = waiting[1:]
			c.bad++
			if isRecord(s) {
				c.badRecords++
			}
			for _, line := range strings.Split(s.Err.Error(), "\n") {
				fmt.Fprintf(c.err, "acmdoctor: %s\n", line)
			}
			if err := p.bad(s); err != nil {
				return err
			}
		}
		return nil
	}
	for rep, err := range checker.CheckAll(ctx, records) {
		if err != nil {
			return errors.Join(err, flush(), p.close())
		}
		if err := flushBad(); err != nil {
			return err
		}
		s := waiting[0]
		waiting = waiting[1:]
		switch rep.Verdict {
		case validate.Valid:
			c.valid++
		case validate.Invalid:
			c.invalid++
		default:
			c.unk++
		}
		progress.finished()
		if !together.holds(rep) {
			if err := flush(); err != nil {
				return err
			}
		}
		together.add(s, rep)
		if !together.waits() {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return p.close() // what was done is reported
	}
	if err := flushBad(); err != nil {
		return err
	}
	if err := p.close(); err != nil {
		return err
	}
	if n := c.valid + c.invalid + c.unk + c.bad; n > 1 && !c.json && !c.ndjson {
		if _, err := fmt.Fprintf(c.out, "\n%s\n", c.summary()); err != nil {
			return err
		}
	}
	return nil
}

func (c *checkCommand) summary() string {
	n := c.valid + c.invalid + c.unk
	s := fmt.Sprintf("%d records: %d valid, %d invalid, %d undetermined", n, c.valid, c.invalid, c.unk)
	if n == 1 {
		s = strings.Replace(s, "records", "record", 1)
	}
	if c.bad > 0 {
		s += fmt.Sprintf("; %d not readable", c.bad)
	}
	return s
}

// printer writes reports in one of the three forms.
type printer struct {
	out          io.Writer
	json, ndjson bool
	text         validate.Text
	docs         []json.RawMessage // of --json, which is one document
	printed      int
}

func (p *printer) report(s validate.Source, rep validate.Report) error {
	if !p.json && !p.ndjson {
		if p.printed > 0 {
			if _, err := fmt.Fprintln(p.out); err != nil {
				return err
			}
		}
		p.printed++
		return rep.WriteText(p.out, p.text)
	}
	body, err := json.Marshal(rep)
	if err != nil {
		return err
	}
	return p.document(s, body)
}

// bad gives a source that could not be read its line of output, so that output matches input, as far as it is a record or has an
// id to be found by; the error is on standard error in any form.
func (p *printer) bad(s validate.Source) error {
	if !p.ndjson && !p.json || !isRecord(s) && s.ID == "" {
		return nil
	}
	body, err := s.Unreadable()
	if err != nil {
		return err
	}
	return p.document(s, body)
}

// isRecord reports whether a source that could not be read is a record all the same, with a name and a value, and so has
// the verdict that no CA will ask for it.
func isRecord(s validate.Source) bool { return s.Name != "" && s.Value != "" }

func (p *printer) document(s validate.Source, body []byte) error {
	head := "{"
	if s.ID != "" {
		id, err := json.Marshal(s.ID)
		if err != nil {
			return err
		}
		head += `"id":` + string(id) + ","
	}
	if s.Line > 0 {
		head += fmt.Sprintf(`"line":%d,`, s.Line)
	}
	doc := json.RawMessage(head + string(body[1:]))
	if p.json {
		p.docs = append(p.docs, doc)
		return nil
	}
	_, err := fmt.Fprintf(p.out, "%s\n", doc)
	return err
}

func (p *printer) close() error {
	if !p.json || len(p.docs) == 0 {
		return nil
	}
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if len(p.docs) == 1 {
		return enc.Encode(p.docs[0])
	}
	return enc.Encode(p.docs)
}

// progress is a line on a terminal that says what goes on, once it has taken more than a second.
type progress struct {
	screen  *screen // nil: not a terminal
	begun   time.Time
	current chan string
	done    chan struct{}
	idle    chan struct{}
}

// progressAfter is how long a run may take before its progress is shown.
const progressAfter = time.Second

func startProgress(w io.Writer) *progress {
	p := &progress{screen: newScreen(w), begun: time.Now()}
	if p.screen == nil {
		return p
	}
	p.current, p.done, p.idle = make(chan string), make(chan struct{}), make(chan struct{})
	go p.show()
	return p
}

// progressFinished is the word that show understands besides domains, which it cannot be.
const progressFinished = "\x00finished"

func (p *progress) show() {
	defer close(p.idle)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	started, finished, last := 0, 0, ""
	for {
		select {
		case <-p.done:
			p.screen.clear()
			return
		case s := <-p.current:
			if s == progressFinished {
				finished++
				break
			}
			started++
			last = s
		case <-tick.C:
			if took := time.Since(p.begun); took > progressAfter {
				p.screen.draw(progressLine(started, finished, last, took))
			}
		}
	}
}

// progressLine says how far a run is: records begun and done, the domain of the last one begun, and the time it took so far.
func progressLine(started, finished int, last string, took time.Duration) string {
	if started == 1 {
		return fmt.Sprintf("asking the name servers of %s, %s", last, took.Round(time.Second))
	}
	return fmt.Sprintf("asking the name servers: %d of %d records done, last begun %s, %s", finished, started, last, took.Round(time.Second))
}

func (p *progress) say(s string) {
	if p.current != nil {
		p.current <- s
	}
}

func (p *progress) started(domain string) { p.say(domain) }
func (p *progress) finished()             { p.say(progressFinished) }

func (p *progress) stop() {
	if p.done != nil {
		close(p.done)
		<-p.idle
	}
}
