package structure

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// asynqKey is how the keys of asynq begin, such as asynq:{deliveries}:pending and asynq:queues.
var asynqKey = regexp.MustCompile(`asynq:[{%a-z]`)

// TestAsynqKeysAreInQueue: only pkg/queue knows under which keys asynq stores what.
func TestAsynqKeysAreInQueue(t *testing.T) {
	t.Parallel()
	known := 0
	for _, s := range parse(t) {
		inQueue := strings.HasPrefix(s.path, "pkg/queue/")
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && asynqKey.MatchString(text.Value) {
				assert.True(t, inQueue, "%s has a key of asynq: %s", s.path, text.Value)
				known++
			}
			return true
		})
	}
	assert.Positive(t, known, "asynq's keys have other names")
}
