package e2e

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(m)) }

func TestProcesses(t *testing.T) {
	t.Parallel()
	tell(t, func(tb testing.TB, options stack.Options) stack.Stack { return stack.Processes(tb, options) })
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	tell(t, func(tb testing.TB, options stack.Options) stack.Stack { return stack.Embedded(tb, options) })
}
