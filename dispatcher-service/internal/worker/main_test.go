package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A client of a Redis that is away looks for it once a second, and notices that it has been closed when it does next.
var closing = goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), closing) }

// soon ends a test that waits for what does not happen. It is a safety limit: no verdict depends on it.
const soon = time.Minute

// deliverer is what the test says a delivery comes to.
type deliverer func(ctx context.Context, id, queue string) (deliver.Verdict, error)

func (d deliverer) Deliver(ctx context.Context, id, queue string) (deliver.Verdict, error) {
	return d(ctx, id, queue)
}

func (d deliverer) Orphaned(context.Context, string) error { return nil }

func (d deliverer) Drain() {}

// bench is a Redis of its own and what looks at it from outside.
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
	return newBenchOn(t, client)
}

func newBenchOn(t *testing.T, client redis.UniversalClient) bench {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return bench{Enqueuer: queue.NewEnqueuer(client), t: t, redis: client, inspector: asynq.NewInspectorFromRedisClient(client)}
}

// pool runs deliveries until the test ends.
func (b bench) pool(concurrency int, d deliverer) *worker.Pool {
	b.t.Helper()
	pool := b.newPool(concurrency, d)
	require.NoError(b.t, pool.Start())
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(b.t, pool.Stop(ctx))
	})
	return pool
}

func (b bench) newPool(concurrency int, d deliverer) *worker.Pool {
	return worker.New(b.redis, d, worker.Options{Concurrency: concurrency, ShutdownTimeout: soon, Log: slog.New(slog.DiscardHandler)})
}

// enqueue makes a task of a new delivery that is due now, and returns its ID.
func (b bench) enqueue() string {
	b.t.Helper()
	now := webhook.Now()
	item := queue.Item{DeliveryID: webhook.NewID(webhook.KindDelivery, now), Queue: webhook.QueueDeliveries, DueAt: now}
	placement, err := b.Enqueue(b.t.Context(), item)
	require.NoError(b.t, err)
	require.Equal(b.t, queue.Queued, placement)
	return item.DeliveryID
}

// inState waits until the task is in the state: asynq moves it after the handler has returned.
func (b bench) inState(id string, state asynq.TaskState) *asynq.TaskInfo {
	b.t.Helper()
	var info *asynq.TaskInfo
	require.Eventually(b.t, func() (there bool) {
		var err error
		info, err = b.inspector.GetTaskInfo(webhook.QueueDeliveries, id)
		return err == nil && info.State == state
	}, soon, 2*time.Millisecond, "the task never was %s", state)
	return info
}

func (b bench) removed(id string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		_, err := b.inspector.GetTaskInfo(webhook.QueueDeliveries, id)
		return errors.Is(err, asynq.ErrTaskNotFound)
	}, soon, 2*time.Millisecond, "the task is still there")
}

func (b bench) queue() *asynq.QueueInfo {
	b.t.Helper()
	info, err := b.inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(b.t, err)
	return info
}

// signal receives a value or fails the test.
func signal[T any](t *testing.T, c <-chan T, what string) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(soon):
		require.FailNow(t, what+" did not happen")
	}
	return value
}
