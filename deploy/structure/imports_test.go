package structure

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// below has the modules that each module may import. Only deploy sees both services.
var below = map[string][]string{
	"pkg":                {"pkg"},
	"api-service":        {"api-service", "pkg"},
	"dispatcher-service": {"dispatcher-service", "pkg"},
	"deploy":             modules,
}

// level orders the folders of a service: a package imports packages of its own level and of lower ones.
func level(path string) int {
	switch {
	case strings.Contains(path, "/cmd/"):
		return 3
	case strings.HasSuffix(path, "/app"):
		return 2
	case strings.Contains(path, "/internal/"):
		return 1
	default:
		return 0
	}
}

func isService(module string) bool { return strings.HasSuffix(module, "-service") }

// TestImportsPointDown: cmd imports app, app imports internal, internal imports pkg, and nothing imports in the other direction. The tests
// of a package obey the same rule.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, s := range parse(t) {
		from := s.folder()
		module, _, _ := strings.Cut(from, "/")
		for _, spec := range s.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			path, ours := strings.CutPrefix(imported, "redrive/")
			if !ours {
				continue
			}
			to, _, _ := strings.Cut(path, "/")
			assert.True(t, slices.Contains(below[module], to), "%s imports %s", s.path, path)
			if isService(module) && to == module {
				assert.GreaterOrEqual(t, level(from), level(path), "%s imports %s, which is above it", s.path, path)
			}
		}
	}
}

// TestDomainImportsStandardLibrary: the domain can be read, tested and reused without anything else of Redrive.
func TestDomainImportsStandardLibrary(t *testing.T) {
	t.Parallel()
	imports := 0
	for _, s := range parse(t) {
		if s.folder() != "pkg/webhook" || s.test {
			continue
		}
		for _, spec := range s.syntax.Imports {
			first, _, _ := strings.Cut(strings.Trim(spec.Path.Value, `"`), "/")
			assert.False(t, first == "redrive" || strings.Contains(first, "."), "%s imports %s", s.path, spec.Path.Value)
			imports++
		}
	}
	assert.Positive(t, imports)
}
