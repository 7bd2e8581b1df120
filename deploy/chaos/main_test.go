package chaos_test

import (
	"testing"

	"go.uber.org/goleak"

	"redrive/deploy/chaos"
	"redrive/pkg/testservers"
)

// A client of an unavailable Redis dials once per second, and detects at the next dial that it was closed.
var closing = goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")

func TestMain(m *testing.M) {
	chaos.BecomeDispatcher()
	goleak.VerifyTestMain(testservers.Suite(m), closing)
}
