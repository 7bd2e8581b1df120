package e2e

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(ending{m})) }
