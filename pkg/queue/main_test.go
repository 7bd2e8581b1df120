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

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), queuetest.IgnoreDials()) }

// soon is a safety limit that ends a wait for something that does not happen. No verdict depends on it.
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
