package architecture

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// slogging is what writes to a log; the rest of log/slog is how a value says what may be logged of it.
var slogging = []string{
	"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs", "Default", "SetDefault",
	"New", "With",
}

// noise gives what a library must not do, as found in one file: print, log, exit, read the process's streams, store a
// context. A library answers its caller and nobody else.
func noise(fset *token.FileSet, f *ast.File) (out []string) {
	imported := map[string]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		imported[name] = path
		if path == "log" {
			out = append(out, fmt.Sprintf("%s: imports %s", fset.Position(i.Pos()), path))
		}
	}
	named := func(x ast.Expr) (path, name string) {
		s, ok := x.(*ast.SelectorExpr)
		if !ok {
			return "", ""
		}
		id, ok := s.X.(*ast.Ident)
		if !ok || id.Obj != nil { // Obj is nil for a package
			return "", ""
		}
		return imported[id.Name], s.Sel.Name
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			switch path, name := named(n); {
			case path == "fmt" && strings.HasPrefix(name, "Print"),
				path == "log/slog" && slices.Contains(slogging, name),
				path == "os" && (name == "Exit" || name == "Stdout" || name == "Stderr" || name == "Stdin"):
				out = append(out, fmt.Sprintf("%s: uses %s.%s", fset.Position(n.Pos()), path, name))
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "print" || id.Name == "println") {
				out = append(out, fmt.Sprintf("%s: uses %s", fset.Position(n.Pos()), id.Name))
			}
		case *ast.StructType:
			for _, field := range n.Fields.List {
				if path, name := named(field.Type); path == "context" && name == "Context" {
					out = append(out, fmt.Sprintf("%s: stores a context.Context", fset.Position(field.Pos())))
				}
			}
		}
		return true
	})
	return out
}
