package claim

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// tasks is a queue whose takes the test answers, and that keeps what is handed back. Nothing notifies.
type tasks struct {
	mutex   sync.Mutex
	pending []queue.Taken
	during  func() // runs within a take, after the queue was looked at
	back    []queue.Taken
}

func (q *tasks) List(context.Context) (map[webhook.Lane]queue.LaneState, error) { return nil, nil }

func (q *tasks) Close(context.Context, webhook.Lane, queue.LaneState) (bool, error) {
	return false, nil
}

func (q *tasks) WithoutTask(context.Context, string, []string) ([]string, error) { return nil, nil }

func (q *tasks) Notifications(context.Context) (notified <-chan struct{}, stop func() error) {
	none := make(chan struct{})
	return none, sync.OnceValue(func() error {
		close(none)
		return nil
	})
}

func (q *tasks) Take(_ context.Context, _ string, n int, _ []queue.Candidate) (queue.Taking, error) {
	q.mutex.Lock()
	taken := q.pending[:min(n, len(q.pending))]
	q.pending = q.pending[len(taken):]
	during := q.during
	q.during = nil
	q.mutex.Unlock()
	if during != nil {
		during()
	}
	return queue.Taking{Tasks: taken}, nil
}

func (q *tasks) HandBack(_ context.Context, _ string, taken []queue.Taken) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.back = append(q.back, taken...)
	return nil
}

func (q *tasks) ReportLags(context.Context, map[string]time.Duration) error { return nil }

func (q *tasks) add(ids ...string) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, id := range ids {
		q.pending = append(q.pending, queue.Taken{DeliveryID: id, Lane: laneOf("org_a", "ep_a", webhook.PriorityLive)})
	}
}

func newClaimer(q *tasks, workers int) *Claimer {
	return New(Options{Lanes: q, Store: &database{}, Queue: queueName, Workers: workers, Room: anyRoom, Log: slog.New(slog.DiscardHandler)})
}

// waitFor returns a task, and how long it took to get it.
func (c *Claimer) waitFor(t *testing.T) (id string, after time.Duration) {
	t.Helper()
	began := time.Now()
	taken, found, err := c.next(t.Context())
	require.NoError(t, err)
	require.True(t, found, "it was not notified")
	return taken.DeliveryID, time.Since(began)
}

// A dequeue was refused, because all workers were busy or the own work was at its limit. It tries again as soon as a worker is free or
// there is room for a take.
func TestNextRefusedWakesWhenWorkEnds(t *testing.T) {
	for name, workers := range map[string]int{"no worker is free": 1, "own work is at its limit": 2 * leastWork} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &tasks{}
				c := newClaimer(q, workers)
				var working []string
				for c.room() > 0 {
					q.add(webhook.NewID(webhook.KindDelivery, time.Now()))
					c.signal()
					id, _ := c.waitFor(t)
					working = append(working, id)
				}
				q.add("dlv_next")
				c.signal()
				time.AfterFunc(time.Millisecond, func() { c.Done(working[0]) })
				id, after := c.waitFor(t)
				assert.Equal(t, "dlv_next", id)
				assert.Equal(t, time.Millisecond, after, "and not only after %s", patience)
			})
		})
	}
}

// A signal during a look that finds nothing is not lost: what it announced came after the queue had been looked at.
func TestNextSignalDuringLookIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &tasks{}
		c := newClaimer(q, 1)
		q.during = func() {
			q.add("dlv_1")
			c.signal()
		}
		id, after := c.waitFor(t)
		assert.Equal(t, "dlv_1", id)
		assert.Zero(t, after)
	})
}

// A lost notification delays a task by the time between two looks at most.
func TestNextWithoutNotificationPollsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &tasks{}
		c := newClaimer(q, 1)
		q.during = func() { q.add("dlv_1") }
		id, after := c.waitFor(t)
		assert.Equal(t, "dlv_1", id)
		assert.Equal(t, lookInterval, after)
	})
}

// Tasks that were taken and not begun are active, and their leases are not extended. A stop hands them back, also those of a take in progress.
func TestCloseHandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &tasks{}
		c := newClaimer(q, 10)
		c.Start()
		q.add("dlv_1", "dlv_2", "dlv_3")
		_, _ = c.waitFor(t)
		c.Close(t.Context())
		assert.Len(t, q.back, 2)

		c = newClaimer(q, 10)
		q.add("dlv_4", "dlv_5")
		q.during = func() { c.Close(t.Context()) }
		_, found, err := c.next(t.Context())
		require.NoError(t, err)
		assert.False(t, found)
		assert.Len(t, q.back, 4)
	})
}

// At most as many tasks are taken as workers are free.
func TestNextTakesForFreeWorkersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &tasks{}
		c := newClaimer(q, 3)
		q.add("dlv_1", "dlv_2", "dlv_3", "dlv_4", "dlv_5")
		for range 3 {
			_, _ = c.waitFor(t)
		}
		assert.Len(t, q.pending, 2)
		_, found, err := c.next(t.Context())
		require.NoError(t, err)
		assert.False(t, found)
		assert.Len(t, q.pending, 2)
	})
}
