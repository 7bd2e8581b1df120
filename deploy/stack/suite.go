package stack

import (
	"fmt"
	"os"

	"redrive/pkg/testservers"
)

// Suite wraps the tests of a package, so that the servers and the built programs go with them:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(m)) }
func Suite(m testservers.Runner) testservers.Runner { return suite{testservers.Suite(m)} }

type suite struct{ tests testservers.Runner }

func (s suite) Run() int {
	code := s.tests.Run()
	if err := binaries.remove(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}
