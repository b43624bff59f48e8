package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// newDemoCommand makes the command that shows the main job end to end on simulated internets.
func newDemoCommand() *cobra.Command {
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "demo [STORY…]",
		Short: "the main job end to end on an embedded, simulated internet",
		Long: `demo tells stories: a record that is broken, what a check finds, the plan that
mends it, the plan applied, and the check again. Each runs on a small internet of
its own inside this program, through the same code as check and as a plan for a
real provider. It needs no network and no credentials, and changes nothing outside
itself. Without STORY it tells all of them.

Exit codes: 0 every story ended as told, 1 one did not, 3 there is no such story.`,
		Example: `  acmdoctor demo
  acmdoctor demo --list
  acmdoctor demo name-doubled`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			all, _ := stories() // a completion has nowhere to tell an error; running the command tells it
			return storyNames(all), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := stories()
			if err != nil {
				return &exitError{exitFailed, err}
			}
			chosen, err := chooseStories(all, args)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			out := cmd.OutOrStdout()
			if list {
				return writeStoryList(out, chosen)
			}
			return tellStories(cmd.Context(), out, chosen, asJSON)
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the stories")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a story: the reports before and after, and the plan")
	return cmd
}

func storyNames(all []story) []string {
	var out []string
	for _, s := range all {
		out = append(out, s.name)
	}
	return out
}

// chooseStories gives the named stories, all of them where none is named.
func chooseStories(all []story, names []string) ([]story, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []story
	for _, n := range names {
		found := false
		for _, s := range all {
			if s.name == n {
				out = append(out, s)
				found = true
			}
		}
		if !found {
			near := ""
			if m := meant(n, storyNames(all)); len(m) > 0 {
				near = fmt.Sprintf("did you mean %s? ", strings.Join(m, " or "))
			}
			return nil, fmt.Errorf("there is no story %q; %sthe stories are\n  %s", n, near, strings.Join(storyNames(all), "\n  "))
		}
	}
	return out, nil
}

func writeStoryList(w io.Writer, all []story) error {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "  %-18s  %s\n", s.name, s.title)
	}
	b.WriteString("\nOne of them: acmdoctor demo STORY\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// tellStories tells each story on a fresh internet. Its error says with which exit code to end.
func tellStories(ctx context.Context, w io.Writer, chosen []story, asJSON bool) error {
	many := len(chosen) > 1 && !asJSON
	if many {
		var b strings.Builder
		fmt.Fprintf(&b, "%d stories of a certificate that stays pending, and how each ends. Domains and\n"+
			"name servers are simulated inside this program: it asks no network and changes\n"+
			"nothing. (So the dig commands under \"Seen\" ask nobody here; in a report of your\n"+
			"own they do.) One story alone: acmdoctor demo STORY\n\n", len(chosen))
		for i, s := range chosen {
			fmt.Fprintf(&b, "  %2d  %-18s  %s\n", i+1, s.name, s.title)
		}
		if _, err := io.WriteString(w, b.String()); err != nil {
			return &exitError{exitFailed, err}
		}
	}
	var ended []outcome
	wrong := 0
	for i, s := range chosen {
		o, err := s.run(ctx)
		if ctx.Err() != nil {
			return &exitError{exitInterrupted, fmt.Errorf("interrupted in the story %s", s.name)}
		}
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("the story %s: %w", s.name, err)}
		}
		ended = append(ended, o)
		if err := o.asTold(); err != nil {
			wrong++
		}
		if err := o.write(w, i+1, len(chosen), asJSON); err != nil {
			return &exitError{exitFailed, err}
		}
	}
	if many {
		if err := writeSummary(w, ended); err != nil {
			return &exitError{exitFailed, err}
		}
	}
	if wrong > 0 {
		return &exitError{exitInvalid, fmt.Errorf("%d of %d stories did not end as told", wrong, len(chosen))}
	}
	return nil
}

func (o outcome) write(w io.Writer, n, of int, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(o.document())
	}
	return o.writeText(w, n, of)
}
