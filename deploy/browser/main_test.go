package browser

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(m)) }
