package structure

import (
	"go/ast"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	maxMedianFile = 100
	maxFile       = 400
	// maxFunction is the length that at most a tenth of the functions exceed.
	maxFunction = 30
)

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	var all []int
	for _, s := range parse(t) {
		assert.LessOrEqual(t, s.lines, maxFile, "split %s", s.path)
		all = append(all, s.lines)
	}
	t.Logf("%d files: median %d lines, p90 %d, longest %d", len(all), percentile(all, 50), percentile(all, 90), slices.Max(all))
	assert.LessOrEqual(t, percentile(all, 50), maxMedianFile)
}

func TestFunctionsAreShort(t *testing.T) {
	t.Parallel()
	var services, tests []int
	for _, s := range parse(t) {
		for _, declaration := range s.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			switch {
			case !ok || function.Body == nil:
			case s.test:
				tests = append(tests, s.length(function))
			default:
				services = append(services, s.length(function))
			}
		}
	}
	for name, all := range map[string][]int{"outside of tests": services, "in tests": tests} {
		t.Logf("%d functions %s: p50 %d lines, p90 %d, longest %d", len(all), name, percentile(all, 50), percentile(all, 90), slices.Max(all))
		assert.LessOrEqual(t, percentile(all, 90), maxFunction, name)
	}
}

func TestPackagesHaveComments(t *testing.T) {
	t.Parallel()
	commented := map[string]bool{}
	for _, s := range parse(t) {
		if !s.test { // tests of a folder are documented by the package that they test
			commented[s.folder()] = commented[s.folder()] || s.syntax.Doc != nil
		}
	}
	for folder, is := range commented {
		assert.True(t, is, "no package comment in %s", folder)
	}
	t.Logf("%d packages", len(commented))
}
