package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/reconcile"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func (f *fakeQueue) Leases(context.Context, string) (leases []queue.Lease, now time.Time, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.away {
		return nil, time.Time{}, errAway
	}
	for _, lease := range f.leases {
		leases = append(leases, lease)
	}
	return leases, time.Now().Add(f.clock), nil
}

// Reclaim removes the leases, or returns the states that the test has set.
func (f *fakeQueue) Reclaim(_ context.Context, leases []queue.Lease) ([]queue.TaskState, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	states := make([]queue.TaskState, len(leases))
	for i, lease := range leases {
		states[i] = queue.Orphan
		if state, found := f.states[lease.DeliveryID]; found {
			states[i] = state
			continue
		}
		f.reclaimed[lease.DeliveryID] = time.Now()
		delete(f.leases, lease.DeliveryID)
	}
	return states, nil
}

func (f *fakeQueue) EnqueueFirst(ctx context.Context, item queue.Item) (queue.Placement, error) {
	placement, err := f.Enqueue(ctx, item)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.first = append(f.first, item.DeliveryID)
	return placement, err
}

// extend extends a lease as a worker does whose clock is off by a duration.
func (f *fakeQueue) extend(id string, off time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	until := time.Now().Add(off + queue.LeaseDuration).Truncate(time.Second)
	f.leases[id] = queue.Lease{DeliveryID: id, Queue: webhook.QueueDeliveries, Until: until}
}

// reclaimedAfter returns how long after a time a task was reclaimed, or 0 if it was not.
func (f *fakeQueue) reclaimedAfter(id string, since time.Time) time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if at, found := f.reclaimed[id]; found {
		return at.Sub(since)
	}
	return 0
}

const beat = 5 * time.Second

// after advances the virtual time and waits until all goroutines are blocked.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// searching starts a Reconciler until the test ends.
func searching(t *testing.T, table *rows, q *fakeQueue) {
	t.Helper()
	q.reclaimed = map[string]time.Time{}
	if q.leases == nil {
		q.leases = map[string]queue.Lease{}
	}
	r := reconcile.New(table, q, q, q, reconcile.Options{Grace: grace, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	r.Start()
	t.Cleanup(func() { assert.NoError(t, r.Stop(context.Background())) })
}

// held returns a Store of one delivery that is not overdue, so that no pass considers it.
func held() (*rows, string) {
	const id = "dlv_00000"
	return &rows{due: []store.Due{{ID: id, Status: webhook.StatusPending, Queue: webhook.QueueDeliveries, NextRetryAt: webhook.Now().Add(-time.Second)}}}, id
}

// However the clocks of Redis, the worker and this machine differ, a live worker keeps its task and the task of a dead one is reclaimed in
// time.
func TestSearchClocksDiffer(t *testing.T) {
	for name, c := range map[string]struct{ worker, redis time.Duration }{
		"all agree":                {0, 0},
		"Redis is ahead":           {0, 10 * time.Minute},
		"Redis is behind":          {0, -10 * time.Minute},
		"the worker is ahead":      {10 * time.Minute, 0},
		"the worker is behind":     {-10 * time.Minute, 0},
		"they are far apart":       {-10 * time.Minute, 10 * time.Minute},
		"the other way round":      {10 * time.Minute, -10 * time.Minute},
		"by less than half a beat": {time.Second, -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table, id := held()
				table.due[0].NextRetryAt = table.due[0].NextRetryAt.Add(c.worker) // it was due when the worker took it
				q := &fakeQueue{clock: c.redis}
				searching(t, table, q)
				for range 12 { // a minute
					q.extend(id, c.worker)
					after(beat)
				}
				assert.Empty(t, q.reclaimed, "its worker lives")
				q.extend(id, c.worker)
				died := time.Now()
				after(45 * time.Second)
				late := q.reclaimedAfter(id, died)
				assert.Greater(t, late, queue.LeaseDuration, "until then it may have come back")
				assert.Less(t, late, 38*time.Second)
				assert.Equal(t, []string{id}, q.orphaned)
				assert.Equal(t, []string{id}, q.first)
			})
		})
	}
}

// A worker that extends its lease only just in time keeps its task.
func TestSearchLateExtensionKeepsTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, id := held()
		q := &fakeQueue{clock: time.Hour}
		searching(t, table, q)
		after(beat)
		for range 5 {
			q.extend(id, 0)
			after(queue.LeaseDuration)
		}
		assert.Empty(t, q.reclaimed)
	})
}

// After a restart of the whole fleet, an expired lease is reclaimed sooner, unless Redis's clock is wrong.
func TestSearchFirstReadReclaimsSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, id := held()
		q := &fakeQueue{leases: map[string]queue.Lease{}}
		q.extend(id, 0)
		died := time.Now()
		after(20 * time.Second) // until the first dispatcher has started again
		searching(t, table, q)
		after(time.Minute)
		late := q.reclaimedAfter(id, died)
		assert.Greater(t, late, queue.LeaseDuration)
		assert.Less(t, late, 40*time.Second)
	})
	synctest.Test(t, func(t *testing.T) {
		table, id := held()
		q := &fakeQueue{leases: map[string]queue.Lease{}, clock: time.Hour}
		q.extend(id, 0)
		searching(t, table, q)
		for range 12 {
			after(2 * beat) // every other is lost
			q.extend(id, 0)
		}
		assert.Empty(t, q.reclaimed, "Redis's clock is wrong")
	})
}

// A long pass does not delay the search.
func TestSearchDuringLongPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, id := held()
		table.slow = 9 * time.Second
		table.due = append(newRows(50_000).due[1:], table.due...)
		q := &fakeQueue{}
		searching(t, table, q)
		q.extend(id, 0)
		died := time.Now()
		after(45 * time.Second)
		assert.NotZero(t, q.reclaimedAfter(id, died))
		assert.Equal(t, []string{id}, q.first)
	})
}

// asynq does not acknowledge after a lease has expired. If the row shows a recorded outcome, no attempt was lost.
func TestSearchCountsLostAttemptsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		after(900 * time.Millisecond) // a lease is cut to the second
		q := &fakeQueue{leases: map[string]queue.Lease{}, states: map[string]queue.TaskState{"dlv_back": queue.Running}}
		for _, id := range []string{"dlv_lost", "dlv_fresh", "dlv_retrying", "dlv_retried", "dlv_ended", "dlv_back"} {
			q.extend(id, 0)
		}
		now := webhook.Now()
		table := &rows{due: []store.Due{
			{ID: "dlv_lost", Status: webhook.StatusRetrying, NextRetryAt: now.Add(-beat)},
			{ID: "dlv_fresh", Status: webhook.StatusPending, NextRetryAt: now}, // taken in the second in which it was published
			{ID: "dlv_retrying", Status: webhook.StatusRetrying, NextRetryAt: now.Add(time.Hour)},
			{ID: "dlv_retried", Status: webhook.StatusPending, NextRetryAt: now.Add(beat)}, // by hand, after it had ended
			{ID: "dlv_back", Status: webhook.StatusPending, NextRetryAt: now},
		}}
		searching(t, table, q)
		after(45 * time.Second)
		assert.ElementsMatch(t, []string{"dlv_lost", "dlv_fresh"}, q.orphaned)
		assert.ElementsMatch(t, []string{"dlv_lost", "dlv_fresh", "dlv_retrying", "dlv_retried"}, q.first)
		assert.Equal(t, now.Add(time.Hour), q.dueAt["dlv_retrying"])
		assert.Zero(t, q.reclaimedAfter("dlv_ended", now), "its delivery has ended")
	})
}

// The first orphan of a delivery is attempted again at once, and further ones after a random delay.
func TestSearchRepeatedOrphansAreDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 200
		table, q := newRows(count), &fakeQueue{leases: map[string]queue.Lease{}}
		for i := range table.due {
			table.due[i].NextRetryAt = webhook.Now()
			table.due[i].Orphans = i % 5
			q.extend(table.due[i].ID, 0)
		}
		searching(t, table, q)
		after(45 * time.Second)
		require.Len(t, q.first, count)
		latest := map[int]time.Duration{}
		for _, d := range table.due {
			late := max(0, q.dueAt[d.ID].Sub(q.reclaimed[d.ID]))
			assert.LessOrEqual(t, late, time.Duration(d.Orphans)*5*time.Second)
			latest[d.Orphans] = max(latest[d.Orphans], late)
		}
		assert.Zero(t, latest[0], "the first time at once")
		assert.Greater(t, latest[1], time.Second)
		assert.Greater(t, latest[4], 5*time.Second, "more each time")
	})
}

// No task is reclaimed while the database is unavailable.
func TestSearchDatabaseUnavailableReclaimsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, id := held()
		table.err = errors.New("away")
		q := &fakeQueue{leases: map[string]queue.Lease{}}
		q.extend(id, 0)
		searching(t, table, q)
		after(10 * time.Minute)
		q.mutex.Lock()
		assert.Empty(t, q.reclaimed)
		q.mutex.Unlock()
	})
}
