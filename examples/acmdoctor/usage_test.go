package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever mistypes is told what was meant, in the tool's words, and never sent off with the whole help.
func TestMistypedCommandLines(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("pending.json", []byte("{}"), 0o600))
	for typed, says := range map[string]string{
		"chekc":                      `there is no command "chekc"; did you mean check?`,
		"fxi":                        `there is no command "fxi"; did you mean fix?`,
		"help chekc":                 `there is no command "chekc"; did you mean check?`,
		"records":                    `there is no command "records"; the commands are audit, check, demo, explain, fix, wait`,
		"pending.json":               `there is no command "pending.json"; to check it: acmdoctor check pending.json`,
		"arn:aws:acm:eu-west-1:1:c":  `to check it: acmdoctor check arn:aws:acm:eu-west-1:1:c`,
		"check --jsn":                "acmdoctor check has no flag --jsn; did you mean --json?",
		"check -json":                "acmdoctor check has no flag -json; did you mean --json?",
		"check --ipv5":               "did you mean --ipv4 or --ipv6?",
		"check --nonsense":           "acmdoctor check has no flag --nonsense; acmdoctor check --help lists them",
		"fix --aply pending.json":    "acmdoctor fix has no flag --aply; did you mean --apply?",
		"--jsn":                      "acmdoctor has no flag --jsn; acmdoctor --help lists them",
		"check ---json":              `found "---json", expected a flag such as --json`,
		"check --roots":              "--roots: its value is missing, expected --roots FILE",
		"check --concurrency many":   `--concurrency: found "many", expected a whole number`,
		"check --port 70000":         `--port: found "70000", expected a number from 1 to 65535`,
		"check --json=maybe":         `--json: found "maybe", expected true or false`,
		"check --timeout soon":       `--timeout: found "soon", expected a duration such as 10s`,
		"explain nam-doubled":        `there is no rule "nam-doubled"; did you mean name-doubled?`,
		"explain record-mising":      `did you mean record-missing?`,
		"explain name":               `there is no rule "name"; near it: name-under-dname,`,
		"explain weather":            `there is no rule "weather"; acmdoctor explain lists them all`,
		"demo name-dubled":           `there is no story "name-dubled"; did you mean name-doubled?`,
		"check example.com":          "example.com: there is no such file; one record is typed with --name and --value, a certificate is named by its ARN",
		"audit example.com":          "example.com: there is no such file",
		"check --roots no.root -":    "--roots no.root: no such file",
		"check --replay no.txt":      "--replay no.txt: no such file",
		"check --picture no/x.svg -": "--picture no/x.svg: no such file",
		"check --transcript no/x -":  "--transcript no/x: no such file",
		"check --trust-anchors no -": "--trust-anchors no: no such file",
	} {
		t.Run(typed, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), strings.Fields(typed), strings.NewReader("_a79.x.test CNAME _424.acm-validations.aws\n"), &out, &errs)
			assert.Equal(t, exitFailed, code)
			assert.Contains(t, errs.String(), says)
			assert.NotContains(t, errs.String(), "stat ")
			assert.NotContains(t, errs.String(), "open ")
			assert.Empty(t, out.String())
		})
	}
}

// Help fits a terminal of 80 columns, and says of each flag what is to follow it.
func TestHelpFitsATerminal(t *testing.T) {
	for _, cmd := range append(newRootCommand().Commands(), newRootCommand()) {
		if cmd.Hidden {
			continue
		}
		var out, errs bytes.Buffer
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		require.Zero(t, run(t.Context(), args, nil, &out, &errs), errs.String())
		require.Empty(t, errs.String())
		for _, line := range strings.Split(out.String(), "\n") {
			assert.LessOrEqual(t, len([]rune(line)), helpWidth, line)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			metavar, usage := pflag.UnquoteUsage(f)
			assert.NotEmpty(t, usage, f.Name)
			assert.Regexp(t, regexp.MustCompile(`^([A-Z]+|ADDR\[:PORT\])?$`), metavar, "%s --%s", cmd.Name(), f.Name)
		})
	}
}

func TestHelpOfACommand(t *testing.T) {
	var long, short, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"help", "check"}, nil, &long, &errs))
	require.Zero(t, run(t.Context(), []string{"check", "--help"}, nil, &short, &errs))
	assert.Equal(t, short.String(), long.String())
	assert.Contains(t, long.String(), "--roots FILE ")
	assert.Contains(t, long.String(), "Exit codes: ")
	assert.Empty(t, errs.String())

	var version bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--version"}, nil, &version, &errs))
	assert.Regexp(t, `^acmdoctor \S.*\n$`, version.String())
}

const commandsFile = "../../docs/commands.md"

// The reference of commands and flags in the repository is their help.
func TestCommandsFileIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Commands and flags\n\nWhat `acmdoctor COMMAND --help` prints. This page is written by\n`go test ./examples/acmdoctor -run Commands -update`.\n")
	for _, cmd := range append([]*cobra.Command{newRootCommand()}, newRootCommand().Commands()...) {
		if cmd.Hidden {
			continue
		}
		var out, errs bytes.Buffer
		require.Zero(t, run(t.Context(), append(strings.Fields(cmd.CommandPath())[1:], "--help"), nil, &out, &errs), errs.String())
		b.WriteString("\n## " + cmd.CommandPath() + "\n\n```text\n" + out.String() + "```\n")
	}
	if *update {
		require.NoError(t, os.WriteFile(commandsFile, []byte(b.String()), 0o644))
		return
	}
	old, err := os.ReadFile(commandsFile)
	require.NoError(t, err)
	assert.Equal(t, b.String(), strings.ReplaceAll(string(old), "\r\n", "\n"), "go test ./examples/acmdoctor -run Commands -update writes it anew")
}
