package architecture

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func isMiekg(path string) bool { return matches(miekg, path) }

// miekg/dns v1 is to be archived. The day we leave it, no user of ours may notice.
func TestNoForeignTypeIsExported(t *testing.T) {
	exports := map[string]string{}
	var ours []string
	for _, p := range list(t, "-e", "-export", "-deps", "-json=ImportPath,Standard,Export", "./...") {
		exports[p.ImportPath] = p.Export
		if path, ok := within(p.ImportPath); ok && !strings.HasPrefix(path, "examples/") && !strings.HasPrefix(path, "internal/") {
			ours = append(ours, p.ImportPath)
		}
	}
	require.NotEmpty(t, ours)
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, path := range ours {
		p, err := imp.Import(path)
		if !assert.NoError(t, err, "%s does not compile", path) {
			continue
		}
		assert.Empty(t, foreign(p, isMiekg))
	}
}

func TestForeignTypesAreNoticed(t *testing.T) {
	const dns = "package dns; type Msg struct{}; type RR interface{ String() string }; type ID = uint16"
	const ours = `package ours
import "github.com/miekg/dns"
type hidden struct{ Msg dns.Msg; secret dns.Msg }
func Function() hidden { return hidden{} }
func (hidden) method(dns.Msg) {}
type Plain struct{ rr dns.RR }
func (*Plain) Method(...dns.RR) {}
var Variable map[string][]dns.RR
type Alias = chan *dns.Msg
type Generic[T dns.RR] struct{ Next *Generic[T] }
func Constrained[T dns.RR]() {}
type Embeds struct{ *dns.Msg }
const Number dns.ID = 1
func private(dns.Msg) {}
`
	fset := token.NewFileSet()
	check := func(path, src string, imp types.Importer) *types.Package {
		f, err := parser.ParseFile(fset, path+".go", src, 0)
		require.NoError(t, err)
		p, err := (&types.Config{Importer: imp}).Check(path, fset, []*ast.File{f}, nil)
		require.NoError(t, err)
		return p
	}
	d := check("github.com/miekg/dns", dns, nil)
	p := check(module+"/ours", ours, importerFunc(func(string) (*types.Package, error) { return d, nil }))
	var places []string
	for _, f := range foreign(p, isMiekg) {
		place, _, _ := strings.Cut(strings.TrimPrefix(f, module+"/ours."), " shows ")
		places = append(places, place)
	}
	assert.ElementsMatch(t, []string{"Function.Msg", "Plain.Method", "Variable", "Alias", "Constrained", "Embeds.Msg", "Generic"}, places)
}

type importerFunc func(string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
