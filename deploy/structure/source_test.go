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

// parse returns all Go files but the generated ones in testdata.
func parse(t *testing.T) []source {
	t.Helper()
	const top = "../.."
	set := token.NewFileSet()
	var sources []source
	for _, module := range modules {
		require.NoError(t, filepath.WalkDir(filepath.Join(top, module), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(path, ".go"):
				return nil
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			syntax, err := parser.ParseFile(set, path, text, parser.ParseComments)
			require.NoError(t, err)
			relative, err := filepath.Rel(top, path)
			require.NoError(t, err)
			sources = append(sources, source{relative, strings.Count(string(text), "\n"), strings.HasSuffix(path, "_test.go"), syntax, set})
			return nil
		}))
	}
	require.NotEmpty(t, sources)
	return sources
}

// percentile returns the value that p percent of the values do not exceed.
func percentile(values []int, p int) int {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}
