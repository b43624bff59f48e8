package architecture

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLibrariesAreQuiet(t *testing.T) {
	files := 0
	for _, p := range list(t, "-json=ImportPath,Dir,GoFiles", "./...") {
		path, _ := within(p.ImportPath)
		if strings.HasPrefix(path, "examples/") || strings.HasPrefix(path, "internal/") {
			continue
		}
		for _, name := range p.GoFiles {
			files++
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			require.NoError(t, err)
			assert.Empty(t, noise(fset, f))
		}
	}
	assert.Positive(t, files)
}

func TestNoiseIsNoticed(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "loud.go", `package loud
import ("context"; f "fmt"; "os"; "log"; "log/slog")
type T struct{ ctx context.Context; of func(context.Context) }
func loud() { f.Println("x"); f.Fprintln(os.Stderr); _ = f.Sprint("x"); log.Fatal("x"); os.Exit(1); println("x"); slog.Info("x") }
func (T) LogValue() slog.Value { return slog.StringValue("x") }
`, 0)
	require.NoError(t, err)
	got := strings.Join(noise(fset, f), "\n")
	for _, want := range []string{"imports log", "stores a context.Context", "uses fmt.Println", "uses os.Stderr", "uses os.Exit", "uses println", "uses log/slog.Info"} {
		assert.Contains(t, got, want)
	}
	assert.Equal(t, 6, strings.Count(got, "\n"), "and nothing else: %s", got)
}
