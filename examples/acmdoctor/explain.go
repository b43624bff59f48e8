package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acmdoctor/acmdoctor/providers"
	"github.com/acmdoctor/acmdoctor/validate"
)

// catalogue gives every rule that the tool knows, in the order in which they are judged.
func catalogue() []validate.Rule {
	return append(providers.Rules(providers.Facts{}), validate.StrayCopy())
}

func newExplainCommand() *cobra.Command {
	var all, markdown bool
	var iam iamFlags
	cmd := &cobra.Command{
		Use:   "explain [RULE]",
		Short: "the rule catalogue: what goes wrong, how to see it, how to fix it",
		Long: `explain lists the rules in the order in which they are looked at: of several that
hold, the first is the cause. With a rule's name it tells what the rule finds, with
an example, what to do, and where that is written. --all tells all of them.

explain iam prints the least that AWS must allow, to check and to fix, as policies made
for the zone that --zone and --zone-id name.`,
		Example: `  acmdoctor explain
  acmdoctor explain name-doubled
  acmdoctor explain --all | less
  acmdoctor explain --markdown >catalogue.md
  acmdoctor explain iam --zone example.com --zone-id Z0123456789ABC \
      --for fix >policy.json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range catalogue() {
				ids = append(ids, string(r.Info().ID))
			}
			return append(ids, "iam"), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			switch {
			case len(args) == 1 && (all || markdown):
				return &exitError{exitFailed, errors.New("--all and --markdown tell of every rule; leave the rule's name out")}
			case len(args) == 1 && args[0] == "iam":
				return explainIAM(out, iam)
			case iam != (iamFlags{partition: "aws"}):
				return &exitError{exitFailed, errors.New("--zone, --zone-id, --partition and --for go with explain iam")}
			case len(args) == 1:
				return explainOne(out, validate.ID(args[0]))
			case all && markdown:
				return &exitError{exitFailed, errors.New("--markdown holds everything already; leave --all out")}
			case markdown:
				return validate.WriteMarkdown(out, catalogue())
			case all:
				return explainEach(out)
			}
			return explainAll(out, isTerminal(out))
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "tell of every rule, not only its name")
	cmd.Flags().StringVar(&iam.zone, "zone", "", "iam: the zone's `NAME`; policies then hold for names in it only")
	cmd.Flags().StringVar(&iam.zoneID, "zone-id", "", "iam: the hosted zone's `ID`; policies then hold for it only")
	cmd.Flags().StringVar(&iam.partition, "partition", "aws", "iam: the `PARTITION` aws, aws-cn or aws-us-gov")
	cmd.Flags().StringVar(&iam.only, "for", "", "iam: print one policy only, as JSON; `WHAT` is check or fix")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "the whole catalogue as one Markdown document")
	return cmd
}

// explainAll lists the rules: a line for each, which is broken where somebody looks at it.
func explainAll(w io.Writer, breaks bool) error {
	var b strings.Builder
	for _, r := range catalogue() {
		i := r.Info()
		head := fmt.Sprintf("%-26s %-8s ", i.ID, i.Severity)
		if breaks {
			hang(&b, head, i.Title)
			continue
		}
		b.WriteString(head + i.Title + "\n")
	}
	b.WriteString("\nMore of one: acmdoctor explain RULE; of all: acmdoctor explain --all\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func explainOne(w io.Writer, id validate.ID) error {
	var near, ids []string
	for _, r := range catalogue() {
		i := r.Info()
		ids = append(ids, string(i.ID))
		if i.ID == id {
			return explainRule(w, i)
		}
		if subject, _, _ := strings.Cut(string(id), "-"); subject != "" && strings.HasPrefix(string(i.ID), subject) {
			near = append(near, string(i.ID))
		}
	}
	err := fmt.Errorf("there is no rule %q; acmdoctor explain lists them all", id)
	if close := meant(string(id), ids); len(close) > 0 {
		err = fmt.Errorf("there is no rule %q; did you mean %s?", id, strings.Join(close, " or "))
	} else if len(near) > 0 {
		err = fmt.Errorf("there is no rule %q; near it: %s", id, strings.Join(near, ", "))
	}
	return &exitError{exitFailed, err}
}

func explainEach(w io.Writer) error {
	for n, r := range catalogue() {
		if n > 0 {
			if _, err := io.WriteString(w, "\n\n"); err != nil {
				return err
			}
		}
		if err := explainRule(w, r.Info()); err != nil {
			return err
		}
	}
	return nil
}

func explainRule(w io.Writer, i validate.Info) error {
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
		b.WriteString("\nExplains\n")
		paragraph(&b, strings.Join(ids, ", "))
	}
	b.WriteString("\nSources\n")
	for _, ref := range i.Refs {
		hang(&b, "  ", ref.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
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
