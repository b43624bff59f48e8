package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/validate"
)

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [RULE]",
		Short: "the rule catalogue: what goes wrong, how to see it, how to fix it",
		Long: `explain lists the rules in the order in which they are looked at: of several that
hold, the first is the cause. With a rule's name it tells what the rule finds, with
an example, what to do, and where that is written.`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range validate.Rules() {
				ids = append(ids, string(r.Info().ID))
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return explainAll(cmd.OutOrStdout())
			}
			return explainOne(cmd.OutOrStdout(), validate.ID(args[0]))
		},
	}
}

func explainAll(w io.Writer) error {
	var b strings.Builder
	for _, r := range validate.Rules() {
		i := r.Info()
		fmt.Fprintf(&b, "%-26s %-8s %s\n", i.ID, i.Severity, i.Title)
	}
	b.WriteString("\nMore of one: acmdoctor explain RULE\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func explainOne(w io.Writer, id validate.ID) error {
	var near []string
	for _, r := range validate.Rules() {
		i := r.Info()
		if i.ID != id {
			if subject, _, _ := strings.Cut(string(id), "-"); subject != "" && strings.HasPrefix(string(i.ID), subject) {
				near = append(near, string(i.ID))
			}
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s (%s)\n%s\n\n", i.ID, i.Severity, i.Title)
		paragraph(&b, i.Text)
		fmt.Fprintf(&b, "\nWrong\n%s\nRight\n%s\nFix\n", indented(i.Wrong), indented(i.Right))
		paragraph(&b, i.Fix)
		if len(i.Explains) > 0 {
			var ids []string
			for _, e := range i.Explains {
				ids = append(ids, string(e))
			}
			fmt.Fprintf(&b, "\nExplains\n  %s\n", strings.Join(ids, ", "))
		}
		b.WriteString("\nSources\n")
		for _, ref := range i.Refs {
			fmt.Fprintf(&b, "  %s\n", ref)
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	err := fmt.Errorf("there is no rule %q; acmdoctor explain lists them all", id)
	if len(near) > 0 {
		err = fmt.Errorf("there is no rule %q; near it: %s", id, strings.Join(near, ", "))
	}
	return &exitError{exitFailed, err}
}

func indented(s string) string {
	return "  " + strings.ReplaceAll(s, "\n", "\n  ") + "\n"
}

// paragraph breaks text at 78 columns.
func paragraph(b *strings.Builder, text string) {
	col := 0
	for _, word := range strings.Fields(text) {
		if col > 0 && col+1+len(word) > 78 {
			b.WriteByte('\n')
			col = 0
		}
		if col == 0 {
			b.WriteString("  ")
			col = 2
		} else {
			b.WriteByte(' ')
			col++
		}
		b.WriteString(word)
		col += len(word)
	}
	b.WriteByte('\n')
}
