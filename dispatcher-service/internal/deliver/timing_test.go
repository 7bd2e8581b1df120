package deliver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// due is a delivery whose retry is due later.
func due(in time.Duration) webhook.Dispatch {
	event, endpoint := newEvent(), newEndpoint(1)
	delivery := webhook.NewDelivery(event, endpoint, webhook.Now())
	delivery.Status = webhook.StatusRetrying
	delivery.NextRetryAt = delivery.NextRetryAt.Add(in)
	return webhook.Dispatch{Delivery: delivery, Event: event, Endpoint: endpoint}
}

// The queue stores whole seconds, so a task can start up to one second early. The handler waits for the rest.
func TestSlightlyEarlyWaits(t *testing.T) {
	for _, early := range []time.Duration{time.Microsecond, 300 * time.Millisecond, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			dispatch := due(early)
			store := &fakeStore{dispatch: dispatch}
			sender := &scripted{during: func(webhook.Dispatch) {
				assert.False(t, time.Now().Before(dispatch.Delivery.NextRetryAt), "no attempt before its time")
			}}
			verdict, err := newDeliverer(store, sender).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
			require.NoError(t, err)
			assert.Equal(t, deliver.Done(), verdict)
			assert.EqualValues(t, 1, sender.sent.Load())
		})
	}
}

func TestEarlySnoozes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(time.Second + time.Microsecond)
		sender := &scripted{}
		begin := time.Now()
		verdict, err := newDeliverer(&fakeStore{dispatch: dispatch}, sender).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindSnooze, verdict.Kind)
		assert.Equal(t, dispatch.Delivery.NextRetryAt, verdict.At)
		assert.Zero(t, time.Since(begin))
		assert.Zero(t, sender.sent.Load())
	})
}

// A pending delivery is due now. If its time is in the future, the clocks of two machines differ.
func TestPendingIsDueDespiteClockSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(7 * time.Minute)
		dispatch.Delivery.Status = webhook.StatusPending
		begin := time.Now()
		verdict, err := newDeliverer(&fakeStore{dispatch: dispatch}, &scripted{}).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict)
		assert.Zero(t, time.Since(begin))
	})
}

// requeued is a store in which a process with a fast clock retries the delivery by hand while it is being sent.
type requeued struct{ *fakeStore }

func (r requeued) RecordOutcomes(_ context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	pending := r.dispatch.Delivery
	pending.Status, pending.NextRetryAt = webhook.StatusPending, webhook.Now().Add(7*time.Minute)
	return each(outcomes, func(webhook.Outcome) (webhook.Delivery, error) { return pending, nil })
}

func TestRequeuedIsDueDespiteClockSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(0)
		verdict, err := newDeliverer(requeued{&fakeStore{dispatch: dispatch}}, &scripted{}).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindSnooze, verdict.Kind)
		assert.Equal(t, time.Now(), verdict.At)
	})
}

func TestContextEndsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(time.Second)
		sender := &scripted{}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := newDeliverer(&fakeStore{dispatch: dispatch}, sender).Deliver(ctx, dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, sender.sent.Load(), "nothing has begun, so nothing need be finished")
	})
}

func TestInFlightIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch, another := due(0), due(0)
		sender := &scripted{during: func(d webhook.Dispatch) {
			if d.Delivery.ID == dispatch.Delivery.ID {
				time.Sleep(10 * time.Second) // the bubble's clock
			}
		}}
		store := &fakeStore{dispatch: dispatch}
		d := newDeliverer(store, sender)
		done := make(chan deliver.Verdict)
		go func() {
			verdict, err := d.Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
			assert.NoError(t, err)
			done <- verdict
		}()
		synctest.Wait()

		verdict, err := d.Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindSnooze, verdict.Kind)
		assert.Equal(t, 5*time.Second, time.Until(verdict.At))
		assert.EqualValues(t, 1, sender.sent.Load())

		store.serve(another)
		verdict, err = d.Deliver(t.Context(), another.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict, "another delivery is not held up")

		assert.Equal(t, deliver.Done(), <-done)
		store.serve(dispatch)
		_, err = d.Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.EqualValues(t, 3, sender.sent.Load(), "it is in flight no more")
	})
}
