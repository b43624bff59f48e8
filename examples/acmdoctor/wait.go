package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
)

// waitCommand is one run of wait.
type waitCommand struct {
	dns          dnsFlags
	in           inputFlags
	json, ndjson bool
	interval     time.Duration
	limited      bool // --timeout was given
	out, err     io.Writer
}

func newWaitCommand() *cobra.Command {
	c := &waitCommand{interval: validate.DefaultLongestPause}
	cmd := &cobra.Command{
		Use:   "wait [SOURCE…]",
		Short: "re-checks until valid, timed out or interrupted; says when the next change can be visible",
		Long: `wait checks the records again and again until a public CA finds each of them, and
then prints the reports. It asks the zone's own name servers, which remember
nothing; recursive resolvers (--resolver) are asked only once these give the right
answer, so that the wait never plants the "no such name" that it waits to see gone,
and each is waited for until the time that it showed is over.

Between two looks it pauses for 5 seconds at first, for up to --interval later, and
for 5 seconds again after each change. On a terminal it shows what it waits for.

The records of a certificate given by its ARN that ACM has not issued yet, some
seconds after the request, are waited for, too.

It ends when all records are valid, after --timeout where that is given (for all
told; there is none by default), when ACM gives up on the certificate, 72 hours after
the request, where its time is known (by its ARN, or describe-certificate), or when it
is interrupted. Where no waiting helps, because the certificate has timed out or
failed, it ends at once; the report says to request a new one. The exit code is that
of check for the last reports; 130: interrupted.`,
		Example: `  acmdoctor wait arn:aws:acm:eu-west-1:123456789012:certificate/ID
  aws acm describe-certificate --certificate-arn ARN | acmdoctor wait -
  acmdoctor wait --timeout 1h pending.json && terraform apply`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			c.in.stdin = &interruptible{ctx: cmd.Context(), inner: cmd.InOrStdin()}
			c.limited = cmd.Flags().Changed("timeout")
			return c.run(cmd.Context(), args)
		},
	}
	c.dns.add(cmd)
	c.in.add(cmd)
	cmd.Flags().Lookup("timeout").Usage = "for the whole wait; `D` is such as 1h (default: no limit; 30s for one look)"
	cmd.Flags().Lookup("timeout").DefValue = ""
	cmd.Flags().Var((*seconds)(&c.interval), "interval", "the longest pause between two looks; `D` is such as 30s")
	cmd.Flags().BoolVar(&c.json, "json", false, "print the last reports as JSON (several records: an array)")
	cmd.Flags().BoolVar(&c.ndjson, "ndjson", false, "print a report a line as JSON whenever one changes, with stage, looks, next and until; the last of a record has stage end")
	return cmd
}

// waited is what is known of one record's wait.
type waited struct {
	source validate.Source
	update validate.Update // the last one; no looks: none yet
}

func (c *waitCommand) run(ctx context.Context, args []string) error {
	failed := func(err error) error { return &exitError{exitFailed, err} }
	if c.json && c.ndjson {
		return failed(errors.New("--json and --ndjson exclude each other"))
	}
	whole, until := c.dns.timeout, time.Time{}
	if c.limited {
		until = time.Now().Add(whole)
		c.dns.timeout = min(whole, validate.DefaultTimeout)
	}
	checker, err := c.dns.checker(func(s string) { fmt.Fprintf(c.err, "acmdoctor: %s\n", s) })
	if err != nil {
		return failed(err)
	}
	c.in.acm.patience = func() time.Duration {
		if until.IsZero() {
			return validate.ValidationWindow // then ACM gives up
		}
		return time.Until(until)
	}
	c.in.acm.awaits = func(arn string) {
		fmt.Fprintf(c.err, "acmdoctor: ACM has not issued all records of %s yet; waiting for them\n", arn)
	}
	records, bad, err := c.records(args)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted before there was a record to look for")}
	case err != nil:
		return failed(err)
	}
	waiting := validate.Waiting{FirstPause: min(validate.DefaultFirstPause, c.interval), LongestPause: c.interval}
	if c.limited {
		waiting.Until = until
		waiting.FirstPause = min(waiting.FirstPause, whole/10)
	}
	err = c.wait(ctx, checker, records, waiting)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted; the reports are those of the last looks")}
	case err != nil:
		return failed(err)
	}
	code := exitValid
	for _, r := range records {
		switch {
		case r.update.Report.Verdict == validate.Invalid:
			code = exitInvalid
		case r.update.Report.Verdict != validate.Valid && code == exitValid:
			code = exitUndetermined
		}
	}
	if bad > 0 {
		code = exitInvalid
	}
	if code != exitValid {
		return &exitError{code: code}
	}
	return nil
}

// records reads all sources. Those that cannot be read are told, and counted; it is an error when no other is left.
func (c *waitCommand) records(args []string) (out []*waited, bad int, err error) {
	sources, err := c.in.sources(args, nil)
	if err != nil {
		return nil, 0, err
	}
	for s := range sources {
		if !isChecked(s) {
			bad++
			fmt.Fprintf(c.err, "acmdoctor: %v\n", s.Err)
			continue
		}
		out = append(out, &waited{source: s})
	}
	if len(out) == 0 {
		return nil, bad, errors.New("there is no record to wait for")
	}
	return out, bad, nil
}

// wait lets all records wait at once, shows how they fare, and prints the last reports in input order.
func (c *waitCommand) wait(ctx context.Context, checker *validate.Checker, records []*waited, waiting validate.Waiting) error {
	type news struct {
		update validate.Update
		err    error
	}
	updates := make(chan news)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		defer close(updates)
		var of []validate.Record
		for _, r := range records {
			of = append(of, r.source.Record)
		}
		for u, err := range checker.Wait(ctx, waiting, of...) {
			select {
			case updates <- news{u, err}:
			case <-ctx.Done():
				return
			}
		}
	})
	show := newWaitDisplay(c.err, records)
	p := printer{
		out: show.screen.beside(c.out), json: c.json, ndjson: c.ndjson,
		text: validate.Text{Color: wantsColor(c.out), Nslookup: runtime.GOOS == "windows"},
	}
	defer show.close()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var failure error
	for open := true; open; {
		select {
		case n, ok := <-updates:
			if !ok {
				open = false
				break
			}
			if n.err != nil {
				failure = n.err
				break
			}
			r := records[n.update.Index]
			r.update = n.update
			show.news(r)
			if c.ndjson && (n.update.Changed || n.update.Stage == validate.AwaitEnd) {
				u := n.update
				u.Report = together(records)[u.Index]
				if err := p.update(r.source, u); err != nil {
					cancel()
					return err
				}
			}
		case <-tick.C:
			show.draw(time.Now())
		}
	}
	show.close()
	if c.ndjson {
		return failure
	}
	reports := together(records)
	for i, r := range records {
		if rep, looked := reports[i]; looked {
			if err := p.report(r.source, rep); err != nil {
				return err
			}
		}
	}
	return errors.Join(failure, p.close())
}

// together gives the last report of each record, by its index, with what the others of its certificate tell; none of a record that was
// not looked at yet.
func together(records []*waited) map[int]validate.Report {
	var of []int
	var reports []validate.Report
	for i, r := range records {
		if r.update.Looks > 0 {
			of, reports = append(of, i), append(reports, r.update.Report)
		}
	}
	out := map[int]validate.Report{}
	for i, rep := range validate.Together(reports) {
		out[of[i]] = rep
	}
	return out
}

// waitDisplay shows how a wait fares: on a terminal some lines for each record, redrawn in place; elsewhere a line for each
// change.
type waitDisplay struct {
	w       io.Writer
	screen  *screen // nil: not a terminal
	records []*waited
}

// shownRecords is how many records are shown on a terminal.
const shownRecords = 12

func newWaitDisplay(w io.Writer, records []*waited) *waitDisplay {
	return &waitDisplay{w: w, screen: newScreen(w), records: records}
}

func (d *waitDisplay) news(r *waited) {
	switch {
	case d.screen != nil:
		d.draw(time.Now())
	case r.update.Changed || r.update.Stage == validate.AwaitEnd:
		fmt.Fprintln(d.w, waitLine(r, time.Time{}))
	}
}

func (d *waitDisplay) draw(now time.Time) {
	if d.screen == nil {
		return
	}
	open := slices.DeleteFunc(slices.Clone(d.records), func(r *waited) bool { return r.update.Stage == validate.AwaitEnd })
	lines := []string{"waiting for the record"}
	if len(d.records) > 1 {
		lines[0] = fmt.Sprintf("waiting for %d of %d records", len(open), len(d.records))
	}
	for _, r := range open[:min(len(open), shownRecords)] {
		lines = append(lines, "  "+waitLine(r, now))
	}
	d.screen.draw(lines...)
}

func (d *waitDisplay) close() {
	if d.screen != nil {
		d.screen.clear()
	}
}

// waitLine says what a record waits for and until when; now is zero where the line stays as it is.
func waitLine(r *waited, now time.Time) string {
	domain := domainOf(r.source)
	u := r.update
	if u.Looks == 0 {
		return domain + "  first look under way"
	}
	why := string(u.Report.Verdict)
	if f := u.Report.Findings; len(f) > 0 && (u.Report.Verdict != validate.Valid || f[0].Severity == validate.Error) {
		why += ", " + string(f[0].Rule)
	}
	switch eta := u.Report.ETA; {
	case u.Stage != validate.AwaitResolvers:
	case len(u.Report.Perspectives) == 0:
		why += "; what resolvers remember is asked next"
	case eta.IsZero():
		why += "; some resolvers remember what was there before"
	default:
		why += "; some resolvers remember what was there before, until " + eta.UTC().Format("15:04:05 MST")
	}
	line := fmt.Sprintf("%s  %s", domain, why)
	switch {
	case u.Stage == validate.AwaitEnd:
		return fmt.Sprintf("%s  after %s", line, looks(u.Looks))
	case now.IsZero():
		return fmt.Sprintf("%s  next look at %s%s", line, u.Next.UTC().Format("15:04:05 MST"), untilText(r))
	case u.Next.After(now):
		line += fmt.Sprintf("  next look in %s", u.Next.Sub(now).Round(time.Second))
	default:
		line += "  looking"
	}
	return line + ", " + looks(u.Looks) + " so far" + untilText(r)
}

// untilText says when a record's wait ends at the latest, where that is known.
func untilText(r *waited) string {
	end := r.update.Until
	switch {
	case end.IsZero():
		return ""
	case end.Equal(r.source.Record.Certificate.Deadline()):
		return "; ACM gives up at " + end.UTC().Format("15:04 MST on 2006-01-02")
	}
	return "; until " + end.UTC().Format("15:04:05 MST")
}

func looks(n int) string {
	if n == 1 {
		return "1 look"
	}
	return fmt.Sprintf("%d looks", n)
}

// update writes a look as one line: the report with what the wait adds to it.
func (p *printer) update(s validate.Source, u validate.Update) error {
	body, err := json.Marshal(u.Report)
	if err != nil {
		return err
	}
	head := fmt.Sprintf(`{"stage":%q,"looks":%d,`, u.Stage, u.Looks)
	if !u.Next.IsZero() {
		head += fmt.Sprintf(`"next":%q,`, u.Next.UTC().Format(time.RFC3339))
	}
	if !u.Until.IsZero() {
		head += fmt.Sprintf(`"until":%q,`, u.Until.UTC().Format(time.RFC3339))
	}
	return p.document(s, append([]byte(head), body[1:]...))
}
