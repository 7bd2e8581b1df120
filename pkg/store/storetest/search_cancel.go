package storetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testCancel(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, loaded := w.publish()
	cancellation := webhook.Cancellation{OrganizationID: org, DeliveryID: loaded.ID, At: webhook.Now()}
	foreign := cancellation
	foreign.OrganizationID = other
	_, err := s.CancelDelivery(w.ctx, foreign)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))

	late := w.decide(loaded, 200) // a worker is sending
	cancelled, err := s.CancelDelivery(w.ctx, cancellation)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusFailure, cancelled.Delivery.Status)
	assert.Equal(t, webhook.FailureCancelled, cancelled.RecordedReason())
	assert.True(t, cancelled.Delivery.NextRetryAt.IsZero())
	current, err := s.RecordOutcome(w.ctx, late)
	require.NoError(t, err)
	assert.Equal(t, cancelled.Delivery, current, "the cancel was recorded first")
	attempts := w.attempts(loaded.ID)
	require.Len(t, attempts, 1)
	assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
	assert.Equal(t, 200, attempts[0].ResponseStatus)

	_, err = s.CancelDelivery(w.ctx, cancellation)
	require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting)
	retried, err := s.RetryDelivery(w.ctx, org, loaded.ID, webhook.Now())
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusPending, retried.Delivery.Status)
	assert.Empty(t, retried.Delivery.FailureReason)

	_, sent := w.publish()
	w.attempt(sent, 200)
	cancellation.DeliveryID = sent.ID
	_, err = s.CancelDelivery(w.ctx, cancellation)
	require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting, "the outcome was recorded first")
	assert.Equal(t, webhook.StatusSuccess, w.find(sent.ID).Delivery.Status)
}

// testCancelRace lets a cancel and an outcome of the same delivery meet. One of them wins, and the record shows both.
func testCancelRace(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	for range 20 {
		_, loaded := w.publish()
		outcome := w.decide(loaded, 200)
		recorded := make(chan error, 1)
		go func() {
			_, err := s.RecordOutcome(w.ctx, outcome)
			recorded <- err
		}()
		_, err := s.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: org, DeliveryID: loaded.ID, At: webhook.Now()})
		require.NoError(t, <-recorded)
		attempts := w.attempts(loaded.ID)
		require.Len(t, attempts, 1)
		if record := w.find(loaded.ID); err == nil {
			assert.Equal(t, webhook.FailureCancelled, record.Delivery.FailureReason)
			assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
		} else {
			require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting)
			assert.Equal(t, webhook.StatusSuccess, record.Delivery.Status)
			assert.Equal(t, webhook.AttemptSuccess, attempts[0].Outcome)
		}
	}
}
