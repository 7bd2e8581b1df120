package chaos_test

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/chaos"
	"redrive/pkg/testservers"
)

// A client of a Redis that is away looks for it once a second, and notices that it has been closed when it does next.
var closing = goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")

func TestMain(m *testing.M) {
	chaos.BecomeDispatcher()
	goleak.VerifyTestMain(testservers.Suite(m), closing)
}
