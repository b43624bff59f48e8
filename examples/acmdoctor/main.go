// Command acmdoctor says why an ACM certificate with DNS validation stays pending, and how to mend it. It is built on
// nothing but the exported API of this module.
//
//	acmdoctor demo
//	acmdoctor check pending.json
//	acmdoctor check --name _a79….example.com. --value _424….acm-validations.aws.
//	acmdoctor fix --apply pending.json
//	acmdoctor explain name-doubled
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The exit codes of the tool's contract.
const (
	exitValid        = 0
	exitInvalid      = 1
	exitUndetermined = 2
	exitFailed       = 3
	exitInterrupted  = 130
)

// exitError ends the program with a code. A nil err prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // what was begun is finished; a second Ctrl-C ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it gives the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var e *exitError
	switch {
	case err == nil:
		return exitValid
	case !errors.As(err, &e):
		e = &exitError{exitFailed, err} // cobra's own: unknown flags, commands and arguments
	}
	if e.err != nil {
		fmt.Fprintln(stderr, newScreen(stderr).fit("acmdoctor: "+e.err.Error()))
	}
	return e.code
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "acmdoctor COMMAND",
		Short: "says why an ACM certificate with DNS validation stays pending, and how to mend it",
		Long: `acmdoctor looks at the CNAME that AWS Certificate Manager asks for as a public CA
does: it walks the delegations from the root and asks every name server itself.
It names the one cause, with its evidence, and the exact change that mends it.

Exit codes: 0 all valid, 1 at least one invalid, 2 none invalid and at least one
undetermined, 3 the run itself failed, 130 interrupted.`,
		Version:       programVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Flags().Bool("version", false, "print the version of this program")
	root.SetVersionTemplate("acmdoctor {{.Version}}\n")
	root.SetHelpFunc(writeHelp)
	root.SetUsageFunc(writeUsage)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCommand())
	root.AddCommand(newDemoCommand(), newCheckCommand(realWorld()), newWaitCommand(), newAuditCommand(), newFixCommand(realWorld()), newExplainCommand())
	return root
}

// isTerminal reports whether somebody may be looking at f, or typing. A character device is not enough: /dev/null is one, and what
// cron and service managers give as standard input.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// wantsColor reports whether escape codes may be written to f.
func wantsColor(f any) bool { return !refusesColor() && isTerminal(f) }

// refusesColor reports whether the environment says so: NO_COLOR "when present and not an empty string" (no-color.org), or a dumb
// terminal, which has none.
func refusesColor() bool { return os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" }
