package deliver_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

func TestOrphansEndDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d := newDeliverer(w.store, w.sender)
	victim := w.publish()
	for range webhook.MaxOrphans - 1 {
		require.NoError(t, d.Orphaned(t.Context(), victim.ID))
	}
	assert.Equal(t, victim.Revision, w.find(victim.ID).Delivery.Revision, "counting changes no state")
	require.NoError(t, d.Orphaned(t.Context(), victim.ID))
	record := w.find(victim.ID)
	assert.Equal(t, webhook.StatusFailure, record.Delivery.Status)
	assert.Regexp(t, "^attempts_orphaned: .* 5 times", record.ErrorMessage())

	verdict := w.deliver(victim.ID)
	assert.Equal(t, deliver.KindDead, verdict.Kind)
	assert.Contains(t, verdict.Reason, record.ErrorMessage())
	assert.Zero(t, w.sender.sent.Load())
	require.NoError(t, d.Orphaned(t.Context(), victim.ID), "too late to matter")

	_, err := w.store.RetryDelivery(t.Context(), org, victim.ID, webhook.Now())
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), w.deliver(victim.ID))
}

func TestOutcomeResetsOrphans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	soon := webhook.Policy{Schedule: []time.Duration{time.Nanosecond}} // at the next whole second
	o := options(w.store, w.sender)
	o.Policy = soon
	d := deliver.New(o, prometheus.NewRegistry())
	victim := w.publish()
	w.sender.status = 500
	for range 2 {
		for range webhook.MaxOrphans - 1 {
			require.NoError(t, d.Orphaned(t.Context(), victim.ID))
		}
		verdict, err := d.Deliver(t.Context(), victim.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindRetry, verdict.Kind)
	}
}

// A worker that lost its lease and is still sending is no orphan, and neither is a delivery that was purged.
func TestOrphanedInFlightOrPurgedCountsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	d := newDeliverer(w.store, w.sender)
	w.sender.during = func(dispatch webhook.Dispatch) {
		for range 2 * webhook.MaxOrphans {
			assert.NoError(t, d.Orphaned(t.Context(), dispatch.Delivery.ID))
		}
	}
	delivery := w.publish()
	verdict, err := d.Deliver(t.Context(), delivery.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict)
	require.NoError(t, d.Orphaned(t.Context(), webhook.NewID(webhook.KindDelivery, webhook.Now())))
}
