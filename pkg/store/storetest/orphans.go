package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testOrphansCounted(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, d := w.publish()
	counted, err := s.CountOrphan(w.ctx, d.ID)
	require.NoError(t, err)
	want := d
	want.OrphanCount = 1
	assert.Equal(t, want, counted, "nothing but the count has changed")
	counted, err = s.CountOrphan(w.ctx, d.ID)
	require.NoError(t, err)
	assert.Equal(t, 2, counted.OrphanCount)

	late, _ := w.attempt(d, 500) // it was not dead after all
	assert.Equal(t, webhook.StatusRetrying, late.Status, "counting does not fence an outcome out")
	assert.Zero(t, w.find(d.ID).Delivery.OrphanCount, "an outcome ends the row of orphans")

	counted, err = s.CountOrphan(w.ctx, d.ID)
	require.NoError(t, err)
	failed, err := counted.Failed(webhook.FailureOrphaned, start.Add(time.Minute))
	require.NoError(t, err)
	_, err = s.FailDelivery(w.ctx, failed)
	require.NoError(t, err)
	ended, err := s.CountOrphan(w.ctx, d.ID)
	require.NoError(t, err)
	assert.Equal(t, failed, ended, "an end is left alone")

	retried, err := s.RetryDelivery(w.ctx, org, d.ID, start.Add(time.Hour))
	require.NoError(t, err)
	assert.Zero(t, retried.Delivery.OrphanCount)
	assert.Zero(t, w.find(d.ID).Delivery.OrphanCount)

	_, err = s.CountOrphan(w.ctx, webhook.NewID(webhook.KindDelivery, start))
	requireNotFound(t, err)
}
