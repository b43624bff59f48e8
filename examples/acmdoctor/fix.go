package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

// The exit codes of fix, see the tool's contract. With exitValid the record is valid now, or was.
const (
	exitNotApplied = 1 // there is a plan, or what is wrong cannot be mended in the zone
	exitUnverified = 2 // applied, and what the world sees is not determined yet
	exitStopped    = 3 // before anything was written
	exitPartly     = 4 // stopped part-way
)

// fixCommand is one run of fix.
type fixCommand struct {
	dns dnsFlags
	in  inputFlags
	at  accountFlags

	apply, yes, json  bool
	planOut, planFrom string
	undoOut, undoFrom string
	journal, format   string
	settle            time.Duration

	out, err io.Writer
	now      func() time.Time
	typed    string // the command line that applies the plan
	checker  *validate.Checker
	trail    *trail
	undos    *undoFile
}

func newFixCommand(world accountWorld) *cobra.Command {
	c := &fixCommand{now: time.Now, at: accountFlags{world: world}, settle: time.Minute}
	cmd := &cobra.Command{
		Use:   "fix [SOURCE…]",
		Short: "plans the DNS changes; prints the plan; --apply executes it, reads back and re-checks",
		Long: `fix checks records as check does, reads what the provider holds, and plans what is
to be changed in the zone. It shows the plan and changes nothing. With --apply it
saves what takes the change back, makes the change, reads it back, and checks again
at the zone's own name servers. Nothing is written without an answer on the
terminal, or --yes.

The provider is recognised from the zone's name servers; --provider overrides that.
Credentials come from where that provider's users have them: its environment
variables, AWS profiles, a TSIG key file, or --provider-config with the provider's
libdns configuration as JSON. Without credentials the plan is made from what the DNS
shows; --format prints it in a form that runs without acmdoctor.

--plan FILE applies a plan that was kept, --undo FILE takes a change back. Both need
no SOURCE, and ask before they write as --apply does.

Exit codes: 0 the record is valid now, or was; with --undo, the change is taken back.
1 there is a plan and it was not applied, or what is wrong cannot be mended in the
zone. 2 applied, and what the world sees is not determined yet. 3 stopped before
anything was written. 4 stopped part-way; what was done and how to undo it is told.`,
		Example: `  acmdoctor fix pending.json
  acmdoctor fix --apply pending.json
  acmdoctor fix --apply --yes --provider rfc2136 \
      --provider-config key.json pending.json
  acmdoctor fix --format nsupdate pending.json | nsupdate -k key.conf
  acmdoctor fix --undo acmdoctor-undo-example.com-20261124-142005.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.out, c.err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			c.in.stdin = &interruptible{ctx: cmd.Context(), inner: cmd.InOrStdin()}
			c.typed = applyCommand(cmd, args)
			c.at.profileFrom(cmd)
			return c.run(cmd.Context(), args)
		},
	}
	c.dns.add(cmd)
	c.in.add(cmd)
	c.at.add(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&c.apply, "apply", false, "make the changes; asks on a terminal, needs --yes without one")
	fl.BoolVar(&c.yes, "yes", false, "do not ask")
	fl.StringVar(&c.planOut, "plan-out", "", "keep the plan in `FILE`")
	fl.StringVar(&c.planFrom, "plan", "", "apply the plan that `FILE` keeps")
	fl.StringVar(&c.undoOut, "undo-out", "", "the `FILE` for what takes the change back, written before the first change (default: one in the current folder, named in the output)")
	fl.StringVar(&c.undoFrom, "undo", "", "take back the change that `FILE` tells of")
	fl.StringVar(&c.journal, "journal", "", "append a line of JSON for each change that was made to `FILE`: when, who, zone, from, to")
	fl.StringVar(&c.format, "format", "", "print the plan in this `FORM`, zone, nsupdate, route53 or terraform, and nothing else; needs no credentials")
	fl.BoolVar(&c.json, "json", false, "print the plan, what was done and the report as JSON (several records: an array)")
	fl.Var((*seconds)(&c.settle), "settle", "the time that the zone's name servers may take to show a change; `D` is such as 2m")
	return cmd
}

// applyCommand gives the command line that applies what this one plans.
func applyCommand(cmd *cobra.Command, args []string) string {
	words := []string{"acmdoctor", "fix", "--apply"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "json", "plan-out", "format", "apply":
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if f.Value.Type() == "bool" {
				words = append(words, "--"+f.Name)
				continue
			}
			words = append(words, "--"+f.Name, v)
		}
	})
	words = append(words, args...)
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// shellWord quotes what a shell would not pass on as it is.
func shellWord(w string) string {
	if w == "" || strings.ContainsAny(w, " \t\n\"'\\$`*?;&|<>(){}[]#~!") {
		return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return w
}

// mending is one record on its way from broken to mended, or the way back.
type mending struct {
	id      string // as the input has it
	line    int
	record  validate.Record
	others  []validate.Source // that give the same record
	report  validate.Report   // as it is now: before the change, and after it once it was made
	account *account          // nil where nothing is to be changed there, or nobody can be asked
	missing error             // why there is no account; the plan is a draft then
	plan    providers.Plan
	late    *providers.Undo // to be planned only when what comes before it is done
	result  providers.Result
	applied bool // all of the plan
	held    bool // by the provider, all that is wanted, before anything was applied
	partly  bool // some of the plan, or perhaps
	checked bool // after applying
	seen    bool // the name servers show what was to come of it
	more    bool // the report asks for another change
	err     error
}

// undoes reports whether the plan takes a change back.
func (m *mending) undoes() bool { return m.late != nil || m.plan.TakesBack() }

func (c *fixCommand) run(ctx context.Context, args []string) error {
	// A closed pipe is an error of writing: what was begun is finished, and what was done is told elsewhere.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	all, unread, err := c.prepare(ctx, args)
	defer c.trail.close()
	switch {
	case err != nil:
		return c.fail(err)
	case c.format != "":
		return c.export(all, unread)
	}
	if c.planOut != "" {
		if err := writePlans(c.planOut, all); err != nil {
			return c.fail(err)
		}
	}
	if !c.json {
		if err := c.showPlans(all); err != nil {
			return c.fail(err)
		}
	}
	declined := false
	if c.wants() {
		declined = c.carryOut(ctx, all)
	}
	switch err := c.tell(all, declined); {
	case err != nil && wrote(all):
		return &exitError{exitPartly, fmt.Errorf("the change is made, and what came of it cannot be written: %w; to take it back: acmdoctor fix --undo %s",
			err, shellWord(c.undos.path))}
	case err != nil:
		return c.fail(err)
	}
	return c.exit(all, unread)
}

// wrote reports whether something was changed, or may have been.
func wrote(all []*mending) bool {
	return slices.ContainsFunc(all, func(m *mending) bool { return m.applied && len(m.result.Done) > 0 || m.partly })
}

// fail ends a run in which nothing was planned.
func (c *fixCommand) fail(err error) error {
	if c.json {
		if werr := c.writeJSON([]*mending{{err: err}}); werr != nil {
			err = errors.Join(err, werr)
		}
	}
	return &exitError{exitStopped, err}
}

// usage finds flags that do not go together before anything is asked.
func (c *fixCommand) usage(args []string) error {
	source := len(args)+len(c.in.input) > 0 || c.in.name != "" || c.in.value != "" || c.in.domain != ""
	kept := c.planFrom != "" || c.undoFrom != ""
	switch {
	case c.planFrom != "" && c.undoFrom != "":
		return errors.New("--plan and --undo exclude each other")
	case kept && source:
		return errors.New("--plan and --undo say themselves what is to be changed; a SOURCE beside them is one too many")
	case c.format != "" && !slices.Contains(providers.Formats(), providers.Format(c.format)):
		return fmt.Errorf("--format: found %q, expected zone, nsupdate, route53 or terraform", c.format)
	case c.format != "" && (c.apply || c.json || c.planOut != ""):
		return errors.New("--format prints the form and nothing else; --apply, --json and --plan-out do not go with it")
	case c.planOut != "" && (c.apply || kept):
		return errors.New("--plan-out keeps a plan for later; --apply, --plan and --undo make a change now")
	}
	return nil
}

// wants reports whether something is to be written.
func (c *fixCommand) wants() bool {
	return c.format == "" && (c.apply || c.planFrom != "" || c.undoFrom != "")
}

// exit gives the exit code: what stopped part-way comes before what was not begun, and that before what was not finished.
func (c *fixCommand) exit(all []*mending, unread int) error {
	code := exitValid
	for _, m := range all {
		own := m.exit(c.wants())
		switch {
		case own == exitStopped && wrote(all), own == exitPartly:
			return &exitError{code: exitPartly}
		case own == exitStopped, code != exitStopped && own == exitNotApplied, code == exitValid:
			code = own
		}
	}
	switch {
	case len(all) == 0:
		code = exitStopped // each source has said why
	case code == exitValid && unread > 0:
		code = exitNotApplied
	case code == exitValid:
		return nil
	}
	return &exitError{code: code}
}

func (m *mending) exit(wanted bool) int {
	switch {
	case m.partly:
		return exitPartly
	case m.err != nil:
		return exitStopped
	case wanted && m.undoes() && (m.seen || m.held): // or it was taken back before
		return exitValid
	case wanted && (m.applied || m.held) && !m.seen && !m.more:
		return exitUnverified
	case m.report.Verdict == validate.Valid && (m.applied || m.plan.Empty()):
		return exitValid
	}
	return exitNotApplied
}
