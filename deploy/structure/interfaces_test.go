package structure

import (
	"go/ast"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
)

const maxMethods = 4

// larger are the interfaces with more methods, and why they are not split.
var larger = map[string]string{
	"api-service/internal/console/login.Sessions":   "one method for each form of the pages",
	"api-service/internal/sessions.Store":           "one method for each statement on the table of sessions",
	"dispatcher-service/internal/retention.Records": "one method for each kind of row",
	"deploy/bench.system":                           "what a measurement does with a running Redrive, in processes or embedded",
	"deploy/stack.Stack":                            "what a test does with a running Redrive, in processes or embedded",
}

// TestInterfacesAreSmall counts the methods that an interface declares itself. An embedded interface is counted where it is declared.
func TestInterfacesAreSmall(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	count := 0
	for _, s := range parse(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			spec, _ := n.(*ast.TypeSpec)
			if spec == nil {
				return true
			}
			declared, _ := spec.Type.(*ast.InterfaceType)
			if declared == nil {
				return true
			}
			count++
			if methods := methodsOf(declared); methods > maxMethods {
				name := filepath.ToSlash(s.folder()) + "." + spec.Name.Name
				assert.Contains(t, larger, name, "%s has %d methods", name, methods)
				found[name] = true
			}
			return true
		})
	}
	for name := range larger {
		assert.True(t, found[name], "%s is gone or small: remove it here", name)
	}
	t.Logf("%d interfaces, %d of them with more than %d methods", count, len(found), maxMethods)
}

func methodsOf(declared *ast.InterfaceType) (methods int) {
	for _, field := range declared.Methods.List {
		methods += len(field.Names)
	}
	return methods
}
