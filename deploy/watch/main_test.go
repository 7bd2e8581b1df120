package watch_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/stack"
	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{stack.Suite(m)}) }

// suite runs the tests and removes the programs that they built.
type suite struct{ tests testservers.Runner }

func (s suite) Run() int {
	code := s.tests.Run()
	if dir, err := build(); err == nil {
		_ = os.RemoveAll(dir)
	}
	return code
}
