package architecture

import (
	"fmt"
	"go/types"
	"strings"
)

// foreign gives the places in a package's exported API whose type is of a package that hidden holds for: reachable through
// exported functions, methods, fields, variables, constants, type arguments, and through types that are not exported where
// a value of them can be had.
func foreign(p *types.Package, hidden func(path string) bool) (out []string) {
	w := walk{seen: map[types.Type]bool{}, hidden: hidden}
	for _, name := range p.Scope().Names() {
		if o := p.Scope().Lookup(name); o.Exported() {
			w.at(p.Path()+"."+name, o.Type())
		}
	}
	return w.found
}

type walk struct {
	seen   map[types.Type]bool
	hidden func(path string) bool
	found  []string
}

func (w *walk) at(place string, t types.Type) {
	if a, ok := t.(*types.Alias); ok {
		t = types.Unalias(a)
	}
	if n, ok := t.(*types.Named); ok {
		if pkg := n.Obj().Pkg(); pkg != nil && w.hidden(pkg.Path()) {
			w.found = append(w.found, fmt.Sprintf("%s shows %s", place, n))
			return
		}
		for a := range n.TypeArgs().Types() {
			w.at(place, a)
		}
		if pkg := n.Obj().Pkg(); pkg == nil || !strings.HasPrefix(pkg.Path(), module) {
			return // what others export is theirs
		}
	}
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Named:
		for p := range t.TypeParams().TypeParams() {
			w.at(place, p)
		}
		for m := range t.Methods() {
			if m.Exported() {
				w.at(place+"."+m.Name(), m.Type())
			}
		}
		w.at(place, t.Underlying())
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() {
				w.at(place+"."+f.Name(), f.Type())
			}
		}
	case *types.Interface:
		for m := range t.Methods() {
			if m.Exported() {
				w.at(place+"."+m.Name(), m.Type())
			}
		}
		for e := range t.EmbeddedTypes() {
			w.at(place, e)
		}
	case *types.Signature:
		for p := range t.TypeParams().TypeParams() {
			w.at(place, p)
		}
		for v := range t.Params().Variables() {
			w.at(place, v.Type())
		}
		for v := range t.Results().Variables() {
			w.at(place, v.Type())
		}
	case *types.TypeParam:
		w.at(place, t.Constraint())
	case *types.Map:
		w.at(place, t.Key())
		w.at(place, t.Elem())
	case *types.Union:
		for term := range t.Terms() {
			w.at(place, term.Type())
		}
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.at(place, t.Elem())
	}
}
