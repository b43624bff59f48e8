package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the column at which help is broken.
const helpWidth = 80

// writeHelp writes a command's help: its description, and how it is used.
func writeHelp(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	for _, paragraph := range strings.Split(cmd.Long, "\n\n") {
		hang(&b, "", paragraph)
		b.WriteByte('\n')
	}
	cmd.InitDefaultHelpFlag() // as cobra does for a command that is run
	_, _ = fmt.Fprint(cmd.OutOrStdout(), b.String(), cmd.UsageString())
}

// writeUsage writes what follows the description in a command's help: how it is typed, its commands, examples and flags.
func writeUsage(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n  " + cmd.UseLine() + "\n")
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				hang(&b, fmt.Sprintf("  %-8s ", c.Name()), c.Short)
			}
		}
		b.WriteString("\nMore of one: acmdoctor COMMAND --help\n")
	}
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if cmd.HasAvailableLocalFlags() {
		b.WriteString("\nFlags:\n" + strings.TrimRight(cmd.LocalFlags().FlagUsagesWrapped(helpWidth), "\n") + "\n")
	}
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

// hang writes text behind head, further lines below where it began.
func hang(b *strings.Builder, head, text string) {
	column := len(head)
	b.WriteString(head)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > helpWidth-1:
			b.WriteString("\n" + strings.Repeat(" ", len(head)))
			column = len(head)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

// newHelpCommand is the command help, which does not take an unknown topic for a wish to read everything.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "the same as COMMAND --help",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Root().Help()
			}
			about, _, err := cmd.Root().Find(args[:1])
			if err != nil || about == cmd.Root() {
				return unknownCommand(cmd.Root(), args)
			}
			return about.Help()
		},
	}
}

// unknownCommand is the root's [cobra.PositionalArgs]: whatever is left for it is no command.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	err := fmt.Sprintf("there is no command %q", args[0])
	near := meant(args[0], names)
	_, missing := os.Stat(args[0])
	switch {
	case len(near) > 0:
		err += "; did you mean " + strings.Join(near, " or ") + "?"
	case isARN(args[0]) || missing == nil:
		err += "; to check it: acmdoctor check " + args[0]
	default:
		err += "; the commands are " + strings.Join(names, ", ")
	}
	return &exitError{exitFailed, errors.New(err)}
}

// flagError says what is wrong with a flag in the words of the flag, not in those of the library that reads them.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		value   *pflag.InvalidValueError
		needed  *pflag.ValueRequiredError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &unknown):
		typed := "--" + unknown.GetSpecifiedName()
		word := unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			typed, word = "-"+letters, letters // -json is meant as --json
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		err = fmt.Errorf("%s has no flag %s", cmd.CommandPath(), typed)
		if near := meant(word, names); len(near) > 0 {
			return &exitError{exitFailed, fmt.Errorf("%w; did you mean --%s?", err, strings.Join(near, " or --"))}
		}
		return &exitError{exitFailed, fmt.Errorf("%w; %s --help lists them", err, cmd.CommandPath())}
	case errors.As(err, &needed):
		metavar, _ := pflag.UnquoteUsage(needed.GetFlag())
		return &exitError{exitFailed, fmt.Errorf("--%[1]s: its value is missing, expected --%[1]s %[2]s", needed.GetFlag().Name, metavar)}
	case errors.As(err, &value):
		why := value.GetValue()
		switch expected := expectedOf[value.GetFlag().Value.Type()]; {
		case expected != "":
			why = fmt.Sprintf("found %q, expected %s", why, expected)
		case value.Unwrap() != nil:
			why = value.Unwrap().Error()
		}
		return &exitError{exitFailed, fmt.Errorf("--%s: %s", value.GetFlag().Name, why)}
	case errors.As(err, &syntax):
		return &exitError{exitFailed, fmt.Errorf("found %q, expected a flag such as --json", syntax.GetSpecifiedFlag())}
	}
	return &exitError{exitFailed, err}
}

// expectedOf says what a flag's value is to be, for types whose parser says it in its own words.
var expectedOf = map[string]string{
	"bool":   "true or false",
	"int":    "a whole number",
	"uint16": "a number from 1 to 65535",
}

// meant gives those of the words that somebody who typed this may have meant: near by edit distance, or begun like it; the nearest
// ones, in their order.
func meant(typed string, words []string) []string {
	typed = strings.ToLower(strings.Trim(typed, "-"))
	var out []string
	best := 1 + len(typed)/3
	for _, w := range words {
		d := distance(typed, w)
		if len(typed) > 1 && strings.HasPrefix(w, typed) {
			d = min(d, 1)
		}
		switch {
		case d > best:
		case d < best:
			out, best = []string{w}, d
		default:
			out = append(out, w)
		}
	}
	const helpful = 3
	if len(out) > helpful {
		return nil
	}
	return out
}

// distance is how many letters are to be added, left out, changed, or exchanged with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			changed := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				changed++
			}
			rows[i][j] = min(changed, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
