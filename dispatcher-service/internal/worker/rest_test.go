package worker_test

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/claim"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// laneStore has deliveries of one lane, in their order.
type laneStore struct{ rows []store.Due }

func (s *laneStore) ReadLanes(_ context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error) {
	lanes := make([][]store.Due, len(cursors))
	for i, cursor := range cursors {
		rest := slices.DeleteFunc(slices.Clone(s.rows), func(d store.Due) bool { return d.Lane != cursor.Lane || !d.Position().After(cursor.After) })
		lanes[i] = rest[:min(limit, len(rest))]
	}
	return lanes, nil
}

// listedLanes counts how often the lanes are listed.
type listedLanes struct {
	*queue.Lanes
	lists atomic.Int64
}

func (l *listedLanes) List(ctx context.Context) (map[webhook.Lane]queue.LaneState, error) {
	l.lists.Add(1)
	return l.Lanes.List(ctx)
}

// While a dispatcher lacks resources, the lane of the deliveries that it snoozes rests. They are not claimed and returned in a loop.
func TestRestOverLimitWaitsInLane(t *testing.T) {
	t.Parallel()
	const deliveries, limit, workers = 200, 50, 20
	b := newBench(t, testservers.Redis(t))
	lane := webhook.Lane{OrganizationID: "org_a", EndpointID: "ep_a"}
	backlog := &laneStore{rows: make([]store.Due, deliveries)}
	for i := range backlog.rows {
		id := webhook.NewID(webhook.KindDelivery, webhook.Now())
		backlog.rows[i] = store.Due{ID: id, Status: webhook.StatusPending, Queue: webhook.QueueDeliveries, Lane: lane, NextRetryAt: webhook.Now()}
		_, err := b.Enqueue(t.Context(), queue.Item{DeliveryID: id, Queue: webhook.QueueDeliveries, Lane: lane, Position: backlog.rows[i].Position()})
		require.NoError(t, err)
	}
	var runs atomic.Int64
	short := deliverer(func(context.Context, string, string) (deliver.Verdict, error) {
		runs.Add(1)
		return deliver.Verdict{Kind: deliver.KindSnooze, At: time.Now().Add(time.Hour), Reason: "out of file descriptors", Rest: true}, nil
	})
	lanes := &listedLanes{Lanes: queue.NewLanes(b.Redis)}
	claimer := claim.New(claim.Options{
		Lanes: lanes, Store: backlog, Queue: webhook.QueueDeliveries, Workers: workers, Room: func(string) int { return workers },
		Log: slog.New(slog.DiscardHandler),
	})
	pool := worker.New(b.Redis, claimer, lanes.Lanes, short, worker.Options{Concurrency: workers, ShutdownTimeout: soon, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, pool.Start())
	stop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		require.NoError(t, pool.Stop(ctx))
	}
	t.Cleanup(stop)
	depths := func() queue.Depths {
		read, err := b.Depths(t.Context(), webhook.QueueDeliveries)
		require.NoError(t, err)
		return read
	}
	require.Eventually(t, func() bool {
		d := depths()
		return d.Pending == 0 && d.Active == 0 && runs.Load() >= limit
	}, soon, 5*time.Millisecond)
	seen := lanes.lists.Load()
	require.Eventually(t, func() bool { return lanes.lists.Load() >= seen+4 }, soon, 5*time.Millisecond, "the reader looks at the lane again")
	stop()

	assert.LessOrEqual(t, depths().Scheduled+depths().Retry, int64(limit))
	// Some were pending, and some were taken before the first one was returned. Each is run once, because its lane rests.
	assert.LessOrEqual(t, runs.Load(), int64(limit+2*workers), "of %d", deliveries)
	open, err := lanes.List(t.Context())
	require.NoError(t, err)
	assert.Contains(t, open, lane)
}
