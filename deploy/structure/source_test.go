package structure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// modules are the folders with Go code, from the top of the repository.
var modules = []string{"pkg", "api-service", "dispatcher-service", "deploy"}

// source is a Go file.
type source struct {
	path   string // from the top of the repository
	lines  int
	test   bool
	syntax *ast.File
	set    *token.FileSet
}

// folder is the path of the file's package, from the top of the repository.
func (s source) folder() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// length returns the lines of a node.
func (s source) length(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

// parsed are all Go files but the generated ones in testdata. They are read once for all tests, which must not change them.
var parsed = sync.OnceValues(func() (sources []source, err error) {
	const top = "../.."
	set := token.NewFileSet()
	for _, module := range modules {
		err = filepath.WalkDir(filepath.Join(top, module), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(path, ".go"):
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			syntax, err := parser.ParseFile(set, path, text, parser.ParseComments)
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(top, path)
			sources = append(sources, source{relative, strings.Count(string(text), "\n"), strings.HasSuffix(path, "_test.go"), syntax, set})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
})

// parse returns parsed.
func parse(t *testing.T) []source {
	t.Helper()
	sources, err := parsed()
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	return sources
}

// percentile returns the value that p percent of the values do not exceed.
func percentile(values []int, p int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}
