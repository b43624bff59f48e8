package architecture

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// topLevel is all that may lie at the top of the repository.
var topLevel = []string{
	".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "docs", "examples", "go.mod", "go.sum", "internal", "providers", "resolver", "validate",
}

// leaks are texts that no committed file holds: paths of the machines that it is written on, and hosts that a user's own
// settings choose. They stand in pieces here, for this file is committed, too.
var leaks = []string{
	"/wo" + "rk/", "/ro" + "ot/", "/fa" + "rm/", "/ho" + "me/",
	"proxy.gol" + "ang.org", "sum.gol" + "ang.org", "registry.np" + "mjs.org", "py" + "pi.org", "crates" + ".io", "deb.deb" + "ian.org",
	"repo1.ma" + "ven.org", "repo.ma" + "ven.apache.org",
}

// strays gives the committed paths that have no place.
func strays(paths []string) (out []string) {
	for _, p := range paths {
		first, rest, _ := strings.Cut(p, "/")
		switch {
		case !slices.Contains(topLevel, first):
			out = append(out, p+": "+first+" has no place at the top of the repository")
		case rest != "" && (strings.HasSuffix(p, "/go.mod") || strings.HasSuffix(p, "/go.work")):
			out = append(out, p+": there is one go.mod, at the top")
		}
	}
	return out
}

// leaked gives the lines of a file that hold what none may.
func leaked(path string, text []byte) (out []string) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		for _, l := range leaks {
			if bytes.Contains(line, []byte(l)) {
				out = append(out, fmt.Sprintf("%s:%d: holds %s", path, i+1, l))
			}
		}
	}
	return out
}
