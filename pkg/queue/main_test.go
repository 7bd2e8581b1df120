package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A client of a Redis that is away looks for it once a second, and notices that it has been closed when it does next.
var closing = goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), closing) }

// soon ends a test that waits for what does not happen. It is a safety limit: no verdict depends on it.
const soon = time.Minute

// deliveryKeys are the keys of the queue that the tests use.
var deliveryKeys = keys.Of(webhook.QueueDeliveries)

// bench adds to queuetest.Bench what only the tests of this package do.
type bench struct {
	queuetest.Bench
	t *testing.T
}

func newBench(t *testing.T, url string) bench {
	t.Helper()
	return bench{queuetest.New(t, url), t}
}

// work runs a worker until stop is called, or the test ends.
func (b bench) work(handler asynq.HandlerFunc) (stop func()) {
	b.t.Helper()
	server := asynq.NewServerFromRedisClient(b.Redis, asynq.Config{
		Concurrency: 4, Queues: map[string]int{webhook.QueueDeliveries: 1}, TaskCheckInterval: time.Millisecond,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour }, LogLevel: asynq.FatalLevel,
	})
	require.NoError(b.t, server.Start(handler))
	b.t.Cleanup(server.Shutdown) // a second call does nothing
	return server.Shutdown
}

// skip archives a task.
func skip(context.Context, *asynq.Task) error { return fmt.Errorf("used up: %w", asynq.SkipRetry) }
