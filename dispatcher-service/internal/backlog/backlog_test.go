package backlog_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/backlog"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/testmetrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a queue and a database that count who asks, and hang or fail as the test says.
type world struct {
	asked       atomic.Int64
	depths      queue.Depths
	pending     time.Duration
	due         []store.Due
	redis, data error
	hangs       bool
}

func (w *world) Depths(ctx context.Context, name string) (queue.Depths, error) {
	w.asked.Add(1)
	if w.hangs {
		<-ctx.Done()
		return queue.Depths{}, ctx.Err()
	}
	if name != "deliveries" {
		return queue.Depths{}, errors.New("no such queue")
	}
	return w.depths, w.redis
}

func (w *world) OldestPending(context.Context, string) (time.Duration, error) {
	return w.pending, w.redis
}

func (w *world) ListDue(ctx context.Context, before time.Time, _ store.Due, limit int) ([]store.Due, error) {
	if w.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if limit != 1 || before.After(time.Now()) {
		return nil, errors.New("more than was needed")
	}
	return w.due, w.data
}

func TestCollectReusesFreshValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			depths:  queue.Depths{Pending: 1, Active: 2, Scheduled: 3, Retry: 4, Archived: 5},
			pending: 7 * time.Second,
			due:     []store.Due{{ID: "dlv_1", NextRetryAt: time.Now().Add(-90 * time.Second)}},
		}
		registry := prometheus.NewPedanticRegistry()
		backlog.New(w, w, registry)
		first := map[string]float64{
			"redrive_queue_tasks pending": 1, "redrive_queue_tasks active": 2, "redrive_queue_tasks scheduled": 3,
			"redrive_queue_tasks retry": 4, "redrive_queue_tasks archived": 5, "redrive_oldest_due_seconds": 90, "redrive_queue_oldest_pending_seconds": 7,
			"redrive_backlog_failures_total redis": 0, "redrive_backlog_failures_total database": 0,
		}
		assert.Equal(t, first, testmetrics.Values(t, registry))

		w.depths, w.due = queue.Depths{}, nil
		time.Sleep(4 * time.Second)
		assert.Equal(t, first, testmetrics.Values(t, registry), "the answer is fresh enough")
		time.Sleep(time.Second)
		later := testmetrics.Values(t, registry)
		assert.Zero(t, later["redrive_queue_tasks pending"])
		assert.Zero(t, later["redrive_oldest_due_seconds"])
		assert.EqualValues(t, 2, w.asked.Load())
	})
}

func TestCollectConcurrentReadsOnce(t *testing.T) {
	w := &world{}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, registry)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			_, err := registry.Gather()
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, w.asked.Load())
}

// The metrics of a failed source are left out, and the others are exported.
func TestCollectRedisUnavailableOmitsTasks(t *testing.T) {
	w := &world{redis: errors.New("away")}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, registry)
	seen := testmetrics.Values(t, registry)
	assert.NotContains(t, seen, "redrive_queue_tasks pending")
	assert.Contains(t, seen, "redrive_oldest_due_seconds")
	assert.EqualValues(t, 1, seen["redrive_backlog_failures_total redis"])
	assert.Zero(t, seen["redrive_backlog_failures_total database"])
}

func TestCollectBothHangEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{hangs: true}
		registry := prometheus.NewRegistry()
		backlog.New(w, w, registry)
		began := time.Now()
		seen := testmetrics.Values(t, registry)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, map[string]float64{"redrive_backlog_failures_total redis": 1, "redrive_backlog_failures_total database": 1}, seen)
	})
}

func TestMetricNamesPassLint(t *testing.T) {
	w := &world{}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, registry)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
