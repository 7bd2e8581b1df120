package e2e

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

// parallel is the number of stories that run at the same time. They mostly wait for retries.
const parallel = "4"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", parallel); err != nil { // the command line can set another
		panic(err)
	}
	goleak.VerifyTestMain(stack.Suite(ending{m}))
}
