package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func done(context.Context, string, string) (deliver.Verdict, error) { return deliver.Done(), nil }

func TestStopBeforeStartAndTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	pool := b.newPool(4, done)
	require.NoError(t, pool.Stop(t.Context()))
	require.NoError(t, pool.Stop(t.Context()))

	pool = b.newPool(4, done)
	require.NoError(t, pool.Start())
	b.WaitUntilRemoved(b.enqueue())
	require.NoError(t, pool.Stop(t.Context()))
	require.NoError(t, pool.Stop(t.Context()))
	require.Error(t, pool.Start(), "it does not come back")

	id := b.enqueue()
	assert.Equal(t, asynq.TaskStatePending, b.WaitForState(id, asynq.TaskStatePending).State)
}

// blocking deliveries report that they run and wait to be released.
type blocking struct {
	running chan string
	release chan struct{}
	runs    atomic.Int32
}

func newBlocking() *blocking {
	return &blocking{running: make(chan string, 100), release: make(chan struct{})}
}

func (b *blocking) deliver(_ context.Context, id, _ string) (deliver.Verdict, error) {
	b.runs.Add(1)
	b.running <- id
	<-b.release
	return deliver.Done(), nil
}

// Stop waits for deliveries in flight, which no other server takes over, and dequeues no more.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	b, inFlight := newBench(t, testservers.Redis(t)), newBlocking()
	pool := b.newPool(10, inFlight.deliver)
	require.NoError(t, pool.Start())
	ids := []string{b.enqueue(), b.enqueue(), b.enqueue()}
	for range ids {
		queuetest.Receive(t, inFlight.running, "the delivery")
	}
	stopped := make(chan error, 2)
	for range cap(stopped) {
		go func() { stopped <- pool.Stop(context.Background()) }()
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, pool.Stop(short), context.DeadlineExceeded, "the caller's deadline is heeded")
	late := b.enqueue()
	other := b.pool(10, inFlight.deliver) // a replica, which recovers the late one and nothing else
	assert.Equal(t, late, queuetest.Receive(t, inFlight.running, "the late delivery"))
	assert.Empty(t, stopped)

	close(inFlight.release)
	require.NoError(t, queuetest.Receive(t, stopped, "the end"))
	require.NoError(t, queuetest.Receive(t, stopped, "the end"))
	require.NoError(t, other.Stop(t.Context()))
	for _, id := range append(ids, late) {
		b.WaitUntilRemoved(id)
	}
	assert.EqualValues(t, 4, inFlight.runs.Load(), "each once")
}

// As many deliveries are in flight as Concurrency permits, whichever server took them.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2, 5} {
		b, inFlight := newBench(t, testservers.Redis(t)), newBlocking()
		b.pool(concurrency, inFlight.deliver)
		const total = 12
		for range total {
			b.enqueue()
		}
		for range concurrency {
			queuetest.Receive(t, inFlight.running, "a delivery")
		}
		require.Never(t, func() bool { return int(inFlight.runs.Load()) > concurrency }, 200*time.Millisecond, 10*time.Millisecond)
		close(inFlight.release)
		require.Eventually(t, func() bool { return b.queue().Size == 0 }, soon, 2*time.Millisecond)
		assert.EqualValues(t, total, inFlight.runs.Load())
	}
}

func TestRedisComesLater(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	require.NoError(t, server.Stop())
	b := newBench(t, server.URL())
	b.pool(4, done)

	require.NoError(t, server.Restart(t.Context()))
	item := queue.Item{DeliveryID: webhook.NewID(webhook.KindDelivery, time.Now()), Queue: webhook.QueueDeliveries}
	require.Eventually(t, func() bool {
		_, err := b.Enqueue(t.Context(), item)
		return err == nil
	}, soon, 10*time.Millisecond)
	b.WaitUntilRemoved(item.DeliveryID)
}

// A frozen Redis blocks the servers, but not the caller of Stop.
func TestStopWhileRedisIsFrozen(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	options.ReadTimeout = -1 // none: a command on a frozen Redis returns when it is resumed
	b := newBenchOn(t, redis.NewClient(options))
	pool := b.pool(4, done)
	b.WaitUntilRemoved(b.enqueue()) // connected
	require.NoError(t, server.Pause())

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- pool.Stop(ctx) }()
	_ = queuetest.Receive(t, stopped, "the end of Stop while Redis is frozen") // nil if no server was polling
	require.NoError(t, server.Resume())
}

// draining deliveries end when Drain is called, and return to the queue.
type draining struct {
	deliverer
	drained chan struct{}
}

func (d draining) Drain() { close(d.drained) }

// A delivery that a stopping dispatcher returns is available to others immediately, and does not count as failed.
func TestStopHandsBackWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	running, drained := make(chan string, 1), make(chan struct{})
	pool := b.newPoolOf(4, draining{drained: drained, deliverer: func(_ context.Context, id, _ string) (deliver.Verdict, error) {
		running <- id
		<-drained
		return deliver.Snooze(time.Now(), "its dispatcher is stopping"), nil
	}})
	require.NoError(t, pool.Start())
	id := b.enqueue()
	queuetest.Receive(t, running, "the delivery")
	require.NoError(t, pool.Stop(t.Context()))
	task := b.WaitForState(id, asynq.TaskStateRetry)
	assert.Zero(t, task.Retried)
	assert.False(t, task.NextProcessAt.After(time.Now()))

	taken := make(chan string, 1)
	b.pool(4, func(_ context.Context, id, _ string) (deliver.Verdict, error) {
		taken <- id
		return deliver.Done(), nil
	})
	assert.Equal(t, id, queuetest.Receive(t, taken, "the takeover"))
}
