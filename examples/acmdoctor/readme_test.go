package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/acmdoctor/acmdoctor/validate"
)

const readme = "../../README.md"

// What README.md shows is what the program does: everything between two markers comes from here.
func TestReadmeIsFresh(t *testing.T) {
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	old := strings.ReplaceAll(string(text), "\r\n", "\n")
	fresh := old
	for _, part := range []struct {
		marker string
		text   func(t *testing.T) string
	}{
		{"stories", readmeStories},
		{"demo", func(t *testing.T) string { return readmeDemo(t, "name-doubled") }},
		{"rules", readmeRules},
		{"quickstart", func(t *testing.T) string { return "```go\n" + source(t, "../quickstart/main.go", "diagnose") + "```\n" }},
		{"customrule", func(t *testing.T) string { return "```go\n" + source(t, "../customrule/main.go", "Run") + "```\n" }},
	} {
		begin, end := "<!-- "+part.marker+" -->\n", "<!-- /"+part.marker+" -->\n"
		head, rest, ok := strings.Cut(fresh, begin)
		require.True(t, ok, "README.md has no marker %s", part.marker)
		_, tail, ok := strings.Cut(rest, end)
		require.True(t, ok, "README.md has no end of %s", part.marker)
		fresh = head + begin + part.text(t) + end + tail
	}
	if *update && fresh != old {
		require.NoError(t, os.WriteFile(readme, []byte(fresh), 0o644))
		return
	}
	assert.Equal(t, fresh, old, "go test ./examples/acmdoctor -run Readme -update writes the generated parts anew")
}

const catalogueFile = "../../docs/catalogue.md"

// The catalogue in the repository is what explain prints.
func TestCatalogueFileIsFresh(t *testing.T) {
	var out, errs strings.Builder
	require.Zero(t, run(t.Context(), []string{"explain", "--markdown"}, nil, &out, &errs))
	require.Empty(t, errs.String())
	fresh := out.String()
	if *update {
		require.NoError(t, os.WriteFile(catalogueFile, []byte(fresh), 0o644))
		return
	}
	old, err := os.ReadFile(catalogueFile)
	require.NoError(t, err)
	assert.Equal(t, fresh, strings.ReplaceAll(string(old), "\r\n", "\n"), "go test ./examples/acmdoctor -run Catalogue -update writes it anew")
}

func readmeStories(t *testing.T) string {
	all, err := stories()
	require.NoError(t, err)
	var b strings.Builder
	b.WriteString("| story | what is wrong |\n| --- | --- |\n")
	for _, s := range all {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.name, s.title)
	}
	return b.String()
}

func readmeDemo(t *testing.T, name string) string {
	code, out, errs := demo(t, name)
	require.Zero(t, code)
	require.Empty(t, errs)
	return "```text\n$ go run ./examples/acmdoctor demo " + name + "\n" + out + "```\n"
}

func readmeRules(*testing.T) string {
	var b strings.Builder
	b.WriteString("| rule | worst | what is wrong |\n| --- | --- | --- |\n")
	for _, r := range validate.Rules() {
		i := r.Info()
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", i.ID, i.Severity, strings.ReplaceAll(i.Title, "|", `\|`))
	}
	return b.String()
}

// source gives a function or method of a file, with its comment.
func source(t *testing.T, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments)
	require.NoError(t, err)
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == name {
			begin := fn.Pos()
			if fn.Doc != nil {
				begin = fn.Doc.Pos()
			}
			return string(text[fset.Position(begin).Offset:fset.Position(fn.End()).Offset]) + "\n"
		}
	}
	require.Fail(t, "no such function", "%s in %s", name, file)
	return ""
}

// The commands that the README tells a newcomer to type are there.
func TestReadmeCommandsExist(t *testing.T) {
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, c := range newRootCommand().Commands() {
		known[c.Name()] = true
	}
	found := 0
	for _, after := range strings.Split(string(text), "go run ./examples/acmdoctor ")[1:] {
		command := strings.Fields(after)[0]
		assert.True(t, known[command], "there is no command %q", command)
		found++
	}
	assert.GreaterOrEqual(t, found, 4)
	for _, folder := range []string{"../quickstart/main.go", "../customrule/main.go", "../../LICENSE", "../../CHANGELOG.md"} {
		assert.FileExists(t, folder)
	}
}
