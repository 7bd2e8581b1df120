package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A client of a Redis that is away looks for it once a second, and notices that it has been closed when it does next.
var closing = goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), closing) }

// soon ends a test that waits for what does not happen. It is a safety limit: no verdict depends on it.
const soon = time.Minute

// bench is an Enqueuer on a Redis of its own, and what looks at that Redis from outside.
type bench struct {
	*queue.Enqueuer
	t         *testing.T
	redis     redis.UniversalClient
	inspector *asynq.Inspector
}

func newBench(t *testing.T, url string) bench {
	t.Helper()
	client, err := queue.Connect(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return bench{Enqueuer: queue.NewEnqueuer(client), t: t, redis: client, inspector: asynq.NewInspectorFromRedisClient(client)}
}

func newItem() queue.Item {
	now := webhook.Now()
	return queue.Item{DeliveryID: webhook.NewID(webhook.KindDelivery, now), Queue: webhook.QueueDeliveries, DueAt: now}
}

func (b bench) enqueue(item queue.Item) queue.Placement {
	b.t.Helper()
	placement, err := b.Enqueue(b.t.Context(), item)
	require.NoError(b.t, err)
	return placement
}

func (b bench) task(item queue.Item) *asynq.TaskInfo {
	b.t.Helper()
	info, err := b.inspector.GetTaskInfo(item.Queue, item.DeliveryID)
	require.NoError(b.t, err)
	return info
}

// inState waits until the task is in the state: asynq moves it after the handler has returned.
func (b bench) inState(item queue.Item, state asynq.TaskState) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		info, err := b.inspector.GetTaskInfo(item.Queue, item.DeliveryID)
		return err == nil && info.State == state
	}, soon, 2*time.Millisecond, "the task never was %s", state)
}

// work runs a worker until stop is called, or the test ends.
func (b bench) work(handler asynq.HandlerFunc) (stop func()) {
	b.t.Helper()
	server := asynq.NewServerFromRedisClient(b.redis, asynq.Config{
		Concurrency: 4, Queues: map[string]int{webhook.QueueDeliveries: 1}, TaskCheckInterval: time.Millisecond,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour }, LogLevel: asynq.FatalLevel,
	})
	require.NoError(b.t, server.Start(handler))
	b.t.Cleanup(server.Shutdown) // a second call does nothing
	return server.Shutdown
}

// signal receives a value or fails the test.
func signal[T any](t *testing.T, c <-chan T, what string) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(soon):
		require.FailNow(t, fmt.Sprintf("%s did not happen", what))
	}
	return value
}

// skip archives a task.
func skip(context.Context, *asynq.Task) error { return fmt.Errorf("used up: %w", asynq.SkipRetry) }
