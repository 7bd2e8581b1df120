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
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// After Redis was emptied, one pass enqueues every waiting delivery, due or not, whatever PerPass is.
func TestPassRedisEmptiedRebuilds(t *testing.T) {
	t.Parallel()
	table, q := newRows(1300), &fakeQueue{emptied: true}
	table.due = append(table.due, store.Due{ID: "dlv_90000", NextRetryAt: webhook.Now()}, store.Due{ID: "dlv_90001", NextRetryAt: webhook.Now().Add(time.Hour)})
	r, _ := newReconciler(table, q, 10)
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due), q.take())
	assert.False(t, q.emptied, "marked as intact")

	require.NoError(t, r.Pass(t.Context()))
	assert.Len(t, q.take(), 10, "an ordinary pass again, from the beginning")
}

// The marker is set only after a complete rebuild. The next pass begins an incomplete one again.
func TestRebuildFailedBeginsAgain(t *testing.T) {
	t.Parallel()
	table, q := newRows(1300), &fakeQueue{emptied: true}
	r, _ := newReconciler(table, q, 0)
	q.during = func(id string) {
		if id == table.due[900].ID {
			q.mutex.Lock()
			q.away = true
			q.mutex.Unlock()
		}
	}
	require.ErrorIs(t, r.Pass(t.Context()), errAway)
	assert.True(t, q.emptied)
	assert.NotEmpty(t, q.take())

	q.during, q.away = nil, false
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due), q.take())
	assert.False(t, q.emptied)
}

// A rebuild ends early when Redis is emptied meanwhile, and the next pass begins it again.
func TestRebuildRedisEmptiedBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, q := newRows(1300), &fakeQueue{emptied: true, emptiedAt: 4}
		table.slow = 3 * time.Second
		r, _ := newReconciler(table, q, 0)
		require.ErrorIs(t, r.Pass(t.Context()), queue.ErrRedisEmptied)
		assert.True(t, q.emptied)
		assert.Len(t, q.take(), 500)
		require.NoError(t, r.Pass(t.Context()))
		assert.ElementsMatch(t, ids(table.due), q.take())
		assert.False(t, q.emptied)
	})
}

// The lease is renewed while one query takes longer than the lease.
func TestRebuildSlowDatabaseKeepsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, q := newRows(1300), &fakeQueue{emptied: true}
		table.slow = 9 * time.Second
		r, _ := newReconciler(table, q, 0)
		require.NoError(t, r.Pass(t.Context()))
		assert.ElementsMatch(t, ids(table.due), q.take())
		assert.False(t, q.emptied)
		holds := q.holds
		time.Sleep(time.Minute)
		assert.Equal(t, holds, q.holds, "renewals end with the rebuild")
		assert.Zero(t, q.abandoned)
	})
}

// A rebuild that ends early is abandoned, also when the process stops.
func TestRebuildFailedIsAbandoned(t *testing.T) {
	t.Parallel()
	table, q := newRows(10), &fakeQueue{emptied: true}
	table.err = errors.New("away")
	r, _ := newReconciler(table, q, 0)
	require.ErrorIs(t, r.Pass(t.Context()), table.err)
	assert.Equal(t, 1, q.abandoned)

	table.err = nil
	ctx, cancel := context.WithCancel(t.Context())
	q.during = func(string) { cancel() }
	require.ErrorIs(t, r.Pass(ctx), context.Canceled)
	assert.Equal(t, 2, q.abandoned)
	assert.True(t, q.emptied)
}

// A replica waits while another rebuilds, and rebuilds itself if the other does not finish.
func TestRebuildOtherReplicaHoldsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, q := newRows(3), &fakeQueue{emptied: true, othersTurn: 4}
		r, _ := newReconciler(table, q, 0)
		begin := time.Now()
		require.NoError(t, r.Pass(t.Context()))
		assert.Equal(t, 2*time.Second, time.Since(begin))
		assert.ElementsMatch(t, ids(table.due), q.take(), "the other never finished")

		q.emptied, q.othersTurn = true, 1000
		time.AfterFunc(3*time.Second, func() {
			q.mutex.Lock()
			defer q.mutex.Unlock()
			q.emptied = false
		})
		require.NoError(t, r.Pass(t.Context()))
		assert.Empty(t, q.take(), "the other has done it")
	})
}

// After FLUSHALL, one pass puts every lane into backlog, with its cursor at the start.
func TestPassRedisFlushedRebuilds(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	client, err := queue.Connect(server.URL())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	enqueuer := queue.NewEnqueuer(client)

	table := newRows(700)
	table.due = append(table.due, store.Due{ID: "dlv_90000", Status: webhook.StatusRetrying, NextRetryAt: webhook.Now().Add(time.Hour)})
	r, _ := newReconciler(table, enqueuer, 0)
	want := map[webhook.Lane]webhook.Position{}
	for _, d := range table.due {
		want[laneOf(d.ID)] = webhook.Position{}
	}
	for range 2 {
		require.NoError(t, r.Pass(t.Context()))
		lanes, err := enqueuer.Lanes().List(t.Context())
		require.NoError(t, err)
		cursors := map[webhook.Lane]webhook.Position{}
		for lane, state := range lanes {
			cursors[lane] = state.Cursor
			assert.NotZero(t, state.Added, "Open counts as an addition")
		}
		assert.Equal(t, want, cursors)
		require.NoError(t, client.FlushAll(t.Context()).Err())
	}
}

func TestPassSoonRebuildsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, q := newRows(30), &fakeQueue{}
		r := reconcile.New(table, q, q, q, reconcile.Options{Grace: grace, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
		r.Start()
		synctest.Wait() // for the first pass
		q.mutex.Lock()
		q.emptied = true
		q.mutex.Unlock()
		before := time.Now()
		r.PassSoon()
		synctest.Wait()
		q.mutex.Lock()
		assert.False(t, q.emptied, "rebuilt")
		q.mutex.Unlock()
		assert.Equal(t, before, time.Now())
		require.NoError(t, r.Stop(t.Context()))
	})
}
