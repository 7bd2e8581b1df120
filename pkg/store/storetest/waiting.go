package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testFindWaiting(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, pending := w.publish()
	_, retrying := w.publish()
	_, ended := w.publish()
	_, other := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	w.attempt(ended, 200)
	_, err := s.CountOrphan(w.ctx, pending.ID)
	require.NoError(t, err)

	found, err := s.FindWaiting(w.ctx, []string{ended.ID, retrying.ID, webhook.NewID(webhook.KindDelivery, start), pending.ID, pending.ID})
	require.NoError(t, err)
	assert.ElementsMatch(t, []store.Due{
		{ID: pending.ID, Status: webhook.StatusPending, Queue: pending.Queue, Lane: pending.Lane(), NextRetryAt: pending.NextRetryAt, Orphans: 1},
		{ID: retrying.ID, Status: webhook.StatusRetrying, Queue: retrying.Queue, Lane: retrying.Lane(), NextRetryAt: retrying.NextRetryAt},
	}, found, "due or not, and not %s", other.ID)

	due, err := s.ListDue(w.ctx, start.Add(time.Hour), store.Due{}, 10)
	require.NoError(t, err)
	assert.Subset(t, due, found, "seen alike")

	none, err := s.FindWaiting(w.ctx, nil)
	require.NoError(t, err)
	assert.Empty(t, none)
}

func testCountWaiting(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	none, err := s.CountWaiting(w.ctx, start, 10)
	require.NoError(t, err)
	assert.Equal(t, store.Waiting{}, none)

	var pending webhook.Delivery
	for range 3 {
		_, pending = w.publish()
	}
	for range 2 {
		_, d := w.publish()
		w.attempt(d, 500)
	}
	_, ended := w.publish()
	w.attempt(ended, 200)
	for limit, want := range map[int]store.Waiting{10: {Pending: 3, Retrying: 2}, 2: {Pending: 2, Retrying: 2}, 1: {Pending: 1, Retrying: 1}} {
		counted, err := s.CountWaiting(w.ctx, pending.NextRetryAt, limit)
		require.NoError(t, err)
		assert.Equal(t, want, counted, "the first %d that are due, and the first %d that are due later", limit, limit)
	}
	counted, err := s.CountWaiting(w.ctx, start.Add(24*time.Hour), 4)
	require.NoError(t, err)
	assert.Equal(t, store.Waiting{Pending: 3, Retrying: 1}, counted, "all are due, and four are looked at")
}
