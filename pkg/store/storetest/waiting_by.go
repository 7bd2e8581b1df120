package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// testWaitingBy counts what waits, up to a limit.
func testWaitingBy(t *testing.T, s *store.Store) {
	w, neighbour := newWorld(t, s), newWorld(t, s)
	waiting := func(endpointID string, limit int) webhook.Waiting {
		found, err := s.CountWaitingBy(t.Context(), org, endpointID, limit)
		require.NoError(t, err)
		assert.WithinDuration(t, webhook.Now(), found.AsOf, time.Minute)
		found.AsOf = time.Time{}
		return found
	}
	assert.Equal(t, webhook.Waiting{}, waiting("", 10))
	w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	_, ended := w.publish()
	w.attempt(ended, 200)
	w.publishTest()
	assert.Equal(t, webhook.Waiting{Pending: 1, Retrying: 1, OldestDueAt: start}, waiting("", 10))
	assert.Equal(t, webhook.Waiting{Pending: 1, Retrying: 1, OldestDueAt: start}, waiting(w.endpoint.ID, 10))
	assert.Equal(t, webhook.Waiting{}, waiting(neighbour.endpoint.ID, 10))

	oldest := start.Add(-time.Hour)
	neighbour.publishAt(oldest)
	capped := waiting("", 2)
	assert.True(t, capped.Capped)
	assert.Equal(t, 2, capped.Pending+capped.Retrying)
	assert.Equal(t, oldest, capped.OldestDueAt, "it may be one that was not counted")
	full := waiting("", 3)
	assert.Equal(t, webhook.Waiting{Pending: 2, Retrying: 1, OldestDueAt: oldest}, full)
	assert.True(t, retrying.NextRetryAt.After(start))
	other, err := s.CountWaitingBy(t.Context(), other, "", 10)
	require.NoError(t, err)
	assert.Zero(t, other.Pending)
}
