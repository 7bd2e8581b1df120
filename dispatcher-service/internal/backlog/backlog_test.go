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
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a queue and a database that count who asks, and hang or fail as the test says.
type world struct {
	asked       atomic.Int64
	depths      queue.Depths
	pending     time.Duration
	lanes       map[webhook.Lane]queue.LaneState
	shares      queue.Shares
	due         []store.Due
	waiting     store.Waiting
	unhealthy   store.Unhealthy
	redis, data error
	hangs       bool
	firsts      []store.Due // of each lane
}

// wait blocks until ctx ends if the servers hang.
func (w *world) wait(ctx context.Context) error {
	if !w.hangs {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (w *world) Depths(ctx context.Context, name string) (queue.Depths, error) {
	w.asked.Add(1)
	if err := w.wait(ctx); err != nil {
		return queue.Depths{}, err
	}
	if name != "deliveries" {
		return queue.Depths{}, errors.New("no such queue")
	}
	return w.depths, w.redis
}

func (w *world) OldestPending(context.Context, string) (time.Duration, error) {
	return w.pending, w.redis
}

func (w *world) List(ctx context.Context) (map[webhook.Lane]queue.LaneState, error) {
	return w.lanes, errors.Join(w.wait(ctx), w.redis)
}

func (w *world) Shares(context.Context) (queue.Shares, error) { return w.shares, w.redis }

func (w *world) CountWaiting(ctx context.Context, now time.Time, limit int) (store.Waiting, error) {
	if err := w.wait(ctx); err != nil {
		return store.Waiting{}, err
	}
	if limit > 10_000 || now.After(time.Now()) {
		return store.Waiting{}, errors.New("more than was needed")
	}
	return w.waiting, w.data
}

func (w *world) CountUnhealthy(ctx context.Context) (store.Unhealthy, error) {
	return w.unhealthy, errors.Join(w.wait(ctx), w.data)
}

func (w *world) ListDue(ctx context.Context, before time.Time, _ store.Due, limit int) ([]store.Due, error) {
	if err := w.wait(ctx); err != nil {
		return nil, err
	}
	if limit != 1 || before.After(time.Now()) {
		return nil, errors.New("more than was needed")
	}
	return w.due, w.data
}

func (w *world) ListLanes(_ context.Context, _ webhook.Lane, limit int) ([]webhook.Lane, error) {
	if limit > 1000 {
		return nil, errors.New("more than was needed")
	}
	var lanes []webhook.Lane
	for _, d := range w.firsts {
		lanes = append(lanes, d.Lane)
	}
	return lanes, w.data
}

func (w *world) ReadLanes(_ context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error) {
	if limit != 1 {
		return nil, errors.New("more than was needed")
	}
	read := make([][]store.Due, len(cursors))
	for i, c := range cursors {
		for _, d := range w.firsts {
			if d.Lane == c.Lane {
				read[i] = append(read[i], d)
			}
		}
	}
	return read, nil
}

// Deliveries of bulk jobs may have been due for hours, while deliveries of higher priority are sent at once.
func TestCollectOldestLeavesOutBulkJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		due := func(endpoint string, priority webhook.Priority, age time.Duration) store.Due {
			return store.Due{ID: endpoint, NextRetryAt: time.Now().Add(-age), Lane: webhook.Lane{EndpointID: endpoint, Priority: priority}}
		}
		w := &world{due: []store.Due{due("ep_1", webhook.PriorityBulk, time.Hour)}}
		w.firsts = append(w.firsts, w.due[0])
		registry := prometheus.NewPedanticRegistry()
		backlog.New(w, w, w, registry)
		assert.Zero(t, testmetrics.Values(t, registry)["redrive_oldest_due_seconds"])

		w.firsts = append(w.firsts, due("ep_1", webhook.PriorityLive, 4*time.Second), due("ep_2", webhook.PriorityHead, 9*time.Second),
			due("ep_3", webhook.PriorityLive, -time.Hour))
		time.Sleep(6 * time.Second)
		assert.InDelta(t, 15, testmetrics.Values(t, registry)["redrive_oldest_due_seconds"], 0.001)
	})
}

func TestCollectReusesFreshValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			depths:  queue.Depths{Pending: 1, Active: 2, Scheduled: 3, Retry: 4, Archived: 5},
			pending: 7 * time.Second,
			due:     []store.Due{{ID: "dlv_1", NextRetryAt: time.Now().Add(-90 * time.Second)}},
			lanes: map[webhook.Lane]queue.LaneState{
				{OrganizationID: "org_a", EndpointID: "ep_1"}: {}, {OrganizationID: "org_a", EndpointID: "ep_2"}: {},
				{OrganizationID: "org_b", EndpointID: "ep_3", Priority: webhook.PriorityHead}: {},
			},
			shares: queue.Shares{Number: 6, Largest: 50}, waiting: store.Waiting{Pending: 8, Retrying: 9},
			unhealthy: store.Unhealthy{
				Failing: 10, Disabled: map[webhook.DisabledReason]int64{webhook.DisabledManually: 11, webhook.DisabledFailing: 12},
			},
		}
		registry := prometheus.NewPedanticRegistry()
		backlog.New(w, w, w, registry)
		first := map[string]float64{
			"redrive_queue_tasks pending": 1, "redrive_queue_tasks active": 2, "redrive_queue_tasks scheduled": 3,
			"redrive_queue_tasks retry": 4, "redrive_queue_tasks archived": 5, "redrive_oldest_due_seconds": 90, "redrive_queue_oldest_pending_seconds": 7,
			"redrive_backlog_lanes head": 1, "redrive_backlog_lanes live": 2, "redrive_backlog_lanes bulk": 0, "redrive_backlog_organizations": 2,
			"redrive_queue_shares": 6, "redrive_queue_share_largest_tasks": 50,
			"redrive_deliveries_waiting pending": 8, "redrive_deliveries_waiting retrying": 9,
			"redrive_endpoints_failing": 10, "redrive_endpoints_disabled manual": 11, "redrive_endpoints_disabled gone": 0, "redrive_endpoints_disabled failing": 12,
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
	backlog.New(w, w, w, registry)
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

func TestCollectDatabaseUnavailableOmitsDeliveries(t *testing.T) {
	w := &world{data: errors.New("unavailable")}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, w, registry)
	seen := testmetrics.Values(t, registry)
	assert.NotContains(t, seen, "redrive_oldest_due_seconds")
	assert.NotContains(t, seen, "redrive_deliveries_waiting pending")
	assert.Contains(t, seen, "redrive_backlog_lanes live")
	assert.NotContains(t, seen, "redrive_endpoints_failing")
	assert.EqualValues(t, 3, seen["redrive_backlog_failures_total database"])
}

// The metrics of a failed source are left out, and the others are exported.
func TestCollectRedisUnavailableOmitsTasks(t *testing.T) {
	w := &world{redis: errors.New("unavailable")}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, w, registry)
	seen := testmetrics.Values(t, registry)
	assert.NotContains(t, seen, "redrive_queue_tasks pending")
	assert.NotContains(t, seen, "redrive_backlog_lanes live")
	assert.NotContains(t, seen, "redrive_queue_shares")
	assert.Contains(t, seen, "redrive_oldest_due_seconds")
	assert.Contains(t, seen, "redrive_deliveries_waiting pending")
	assert.EqualValues(t, 2, seen["redrive_backlog_failures_total redis"])
	assert.Zero(t, seen["redrive_backlog_failures_total database"])
}

func TestCollectBothHangEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{hangs: true}
		registry := prometheus.NewRegistry()
		backlog.New(w, w, w, registry)
		began := time.Now()
		seen := testmetrics.Values(t, registry)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, map[string]float64{"redrive_backlog_failures_total redis": 2, "redrive_backlog_failures_total database": 3}, seen)
	})
}

func TestMetricNamesPassLint(t *testing.T) {
	w := &world{}
	registry := prometheus.NewRegistry()
	backlog.New(w, w, w, registry)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}
