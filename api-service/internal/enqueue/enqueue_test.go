package enqueue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/enqueue"
	"redrive/pkg/queue"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

// The tests run on the virtual time of synctest.

// enqueuer calls the function of the test and records the items.
type enqueuer struct {
	do      func(ctx context.Context) (queue.Placement, error)
	running atomic.Int32
	most    atomic.Int32

	mutex sync.Mutex
	items []queue.Item
}

// EnqueueLane ends at the first error.
func (e *enqueuer) EnqueueLane(ctx context.Context, items []queue.Item) ([]queue.Placement, error) {
	var placements []queue.Placement
	for _, item := range items {
		placement, err := e.enqueue(ctx, item)
		if err != nil {
			return placements, err
		}
		placements = append(placements, placement)
	}
	return placements, nil
}

func (e *enqueuer) enqueue(ctx context.Context, item queue.Item) (queue.Placement, error) {
	now := e.running.Add(1)
	defer e.running.Add(-1)
	for most := e.most.Load(); now > most && !e.most.CompareAndSwap(most, now); most = e.most.Load() {
	}
	e.mutex.Lock()
	e.items = append(e.items, item)
	e.mutex.Unlock()
	return e.do(ctx)
}

func at(placement queue.Placement) func(context.Context) (queue.Placement, error) {
	return func(context.Context) (queue.Placement, error) { return placement, nil }
}

// hang behaves like a Redis that accepts connections but does not answer.
func hang(ctx context.Context) (queue.Placement, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

type fixture struct {
	*enqueue.Enqueuer
	enqueuer *enqueuer
	registry *prometheus.Registry
	log      *bytes.Buffer // to be read when no call is in progress
}

func newFixture(do func(context.Context) (queue.Placement, error)) *fixture {
	f := &fixture{enqueuer: &enqueuer{do: do}, registry: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	f.Enqueuer = enqueue.New(f.enqueuer, slog.New(slog.NewTextHandler(f.log, nil)), f.registry)
	return f
}

func some(n int) []webhook.Delivery {
	deliveries := make([]webhook.Delivery, n)
	for i := range deliveries {
		deliveries[i] = webhook.Delivery{
			ID: webhook.NewID(webhook.KindDelivery, time.Now()), Queue: "bulk", EndpointID: fmt.Sprint("ep_", i), NextRetryAt: time.Now().Add(time.Duration(i)),
		}
	}
	return deliveries
}

func TestEnqueueSucceedsReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(at(queue.Queued))
		deliveries := some(100)
		start := time.Now()
		f.Enqueue(t.Context(), deliveries...)
		assert.Zero(t, time.Since(start))
		want := make([]queue.Item, len(deliveries))
		for i, d := range deliveries {
			want[i] = queue.ItemOf(d)
			want[i].Committed = true
		}
		assert.ElementsMatch(t, want, f.enqueuer.items)
		assert.EqualValues(t, 100, testmetrics.Sum(t, f.registry, "redrive_enqueued_total"))
		assert.Zero(t, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"))
		assert.Empty(t, f.log.String())
	})
}

func TestEnqueueNothingReturns(t *testing.T) {
	f := newFixture(func(context.Context) (queue.Placement, error) { panic("asked for nothing") })
	f.Enqueue(t.Context())
	f.Wait()
}

func TestEnqueueRedisHangsReturnsAfterCallerWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(hang)
		start := time.Now()
		f.Enqueue(t.Context(), some(1000)...)
		assert.LessOrEqual(t, time.Since(start), 300*time.Millisecond)
		assert.Zero(t, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"), "it may yet succeed")

		f.Wait()
		assert.LessOrEqual(t, time.Since(start), 4*time.Second, "given up, by all at once")
		assert.EqualValues(t, 1000, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"))
		assert.Equal(t, 1, strings.Count(f.log.String(), "\n"), "one line for a fan-out: %s", f.log)
		assert.Contains(t, f.log.String(), "deliveries=1000")
		assert.LessOrEqual(t, f.enqueuer.most.Load(), int32(16))
	})
}

func TestEnqueueLateContinuesInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(func(ctx context.Context) (queue.Placement, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Second):
				return queue.Woken, nil
			}
		})
		// The caller is answered, and its context ends.
		ctx, answered := context.WithCancel(t.Context())
		f.Enqueue(ctx, some(1)...)
		answered()
		assert.Zero(t, testmetrics.Sum(t, f.registry, "redrive_enqueued_total"))
		f.Wait()
		assert.EqualValues(t, 1, testmetrics.Sum(t, f.registry, "redrive_enqueued_total"))
	})
}

func TestEnqueueFailureCountedAndLoggedOnce(t *testing.T) {
	f := newFixture(func(context.Context) (queue.Placement, error) { return "", errors.New("refused") })
	deliveries := some(3)
	f.Enqueue(t.Context(), deliveries...)
	f.Wait()
	assert.EqualValues(t, 3, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"))
	assert.Equal(t, 1, strings.Count(f.log.String(), "\n"))
	assert.Contains(t, f.log.String(), "level=WARN")
	assert.Contains(t, f.log.String(), "refused")
	assert.Contains(t, f.log.String(), "deliveryId=dlv_")
}

// A command on a dead connection times out. The call is repeated once, so that the delivery is not left to the reconciler.
func TestEnqueueTimedOutRepeatedOnce(t *testing.T) {
	for times, failures := range map[int64]float64{1: 0, 2: 1} {
		var calls atomic.Int64
		f := newFixture(func(context.Context) (queue.Placement, error) {
			if calls.Add(1) <= times {
				return "", fmt.Errorf("enqueue: %w", context.DeadlineExceeded)
			}
			return queue.Queued, nil
		})
		f.Enqueue(t.Context(), some(1)...)
		f.Wait()
		assert.EqualValues(t, 2, calls.Load())
		assert.InDelta(t, failures, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"), 0)
		assert.InDelta(t, 1-failures, testmetrics.Sum(t, f.registry, "redrive_enqueued_total"), 0)
	}
}

func TestEnqueueCallsInProgressBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 256
		f := newFixture(hang)
		var callers sync.WaitGroup
		for range limit {
			callers.Go(func() { f.Enqueue(t.Context(), some(1)...) })
		}
		callers.Wait()
		require.EqualValues(t, limit, f.enqueuer.running.Load())

		start := time.Now()
		f.Enqueue(t.Context(), some(7)...)
		assert.Zero(t, time.Since(start), "there is no wait without a try")
		assert.EqualValues(t, 7, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"))
		assert.EqualValues(t, limit, f.enqueuer.running.Load())

		f.Wait()
		assert.EqualValues(t, limit+7, testmetrics.Sum(t, f.registry, "redrive_enqueue_failures_total"))
		f.enqueuer.do = at(queue.Queued)
		f.Enqueue(t.Context(), some(1)...)
		assert.EqualValues(t, 1, testmetrics.Sum(t, f.registry, "redrive_enqueued_total"), "there is room again")
	})
}
