package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/claim"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), queuetest.IgnoreDials()) }

// soon bounds the wait for an event in a test. It is a safety limit: no verdict depends on it.
const soon = time.Minute

// deliverer returns the verdicts that the test sets.
type deliverer func(ctx context.Context, id, queue string) (deliver.Verdict, error)

func (d deliverer) Deliver(ctx context.Context, id, queue string) (deliver.Verdict, error) {
	return d(ctx, id, queue)
}

func (d deliverer) Orphaned(context.Context, string) error { return nil }

func (d deliverer) Drain() {}

func (d deliverer) Forget(string) {}

// bench adds a worker pool to queuetest.Bench.
type bench struct {
	queuetest.Bench
	t *testing.T
}

func newBench(t *testing.T, url string) bench {
	t.Helper()
	return bench{queuetest.New(t, url), t}
}

func newBenchOn(t *testing.T, client redis.UniversalClient) bench {
	t.Helper()
	return bench{queuetest.On(t, client), t}
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
	return b.newPoolOf(concurrency, d)
}

func (b bench) newPoolOf(concurrency int, d worker.Deliverer) *worker.Pool {
	lanes := queue.NewLanes(b.Redis)
	claimer := claim.New(claim.Options{
		Lanes: lanes, Store: emptyStore{}, Queue: webhook.QueueDeliveries, Workers: concurrency, Room: func(string) int { return concurrency },
		Log: slog.New(slog.DiscardHandler),
	})
	return worker.New(b.Redis, claimer, lanes, d, worker.Options{Concurrency: concurrency, ShutdownTimeout: soon, Log: slog.New(slog.DiscardHandler)})
}

// emptyStore has no backlog.
type emptyStore struct{}

func (emptyStore) ReadLanes(_ context.Context, cursors []store.LaneCursor, _ int) ([][]store.Due, error) {
	return make([][]store.Due, len(cursors)), nil
}

// enqueue makes a task of a new delivery that is due now, and returns its ID.
func (b bench) enqueue() string {
	b.t.Helper()
	item := queuetest.NewItem()
	require.Equal(b.t, queue.Queued, b.Put(item))
	return item.DeliveryID
}

func (b bench) queue() *asynq.QueueInfo {
	b.t.Helper()
	info, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(b.t, err)
	return info
}
