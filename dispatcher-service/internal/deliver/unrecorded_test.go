package deliver_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// refusing is a database that accepts no outcome but counts orphans. It accepts an end too, unless the test disables that.
type refusing struct {
	*fakeStore
	refusesEnds bool
}

var errRefused = errors.New("violates a constraint")

func (*refusing) RecordOutcomes(_ context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	return each(outcomes, func(webhook.Outcome) (webhook.Delivery, error) { return webhook.Delivery{}, errRefused })
}

func (r *refusing) CountOrphan(context.Context, string) (webhook.Delivery, error) {
	r.dispatch.Delivery.OrphanCount++
	return r.dispatch.Delivery, nil
}

func (r *refusing) FailDelivery(_ context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	if r.refusesEnds {
		return webhook.Delivery{}, errRefused
	}
	r.dispatch.Delivery = failed
	return failed, nil
}

func (r *refusing) ReadAttempts(context.Context, string, []string) ([]webhook.Attempt, error) {
	return nil, nil
}

// A delivery whose outcomes the database always refuses is not sent without end.
func TestRefusedOutcomesEndDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &refusing{fakeStore: &fakeStore{dispatch: due(0)}}, &scripted{}
		d := newDeliverer(store, sender)
		run := func() (deliver.Verdict, error) {
			return d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		}
		for range webhook.MaxOrphans - 1 {
			_, err := run()
			require.ErrorIs(t, err, errRefused)
		}
		for range 2 { // when it ends, and when an operator runs its task again
			verdict, err := run()
			require.NoError(t, err)
			assert.Equal(t, deliver.KindDead, verdict.Kind)
			assert.Contains(t, verdict.Reason, "attempts_orphaned")
		}
		assert.EqualValues(t, webhook.MaxOrphans, sender.sent.Load())
	})
}

// If the end cannot be written either, the delivery is not sent until it can be.
func TestRefusedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &refusing{fakeStore: &fakeStore{dispatch: due(0)}, refusesEnds: true}, &scripted{}
		d := newDeliverer(store, sender)
		for range 2 * webhook.MaxOrphans {
			_, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
			require.ErrorIs(t, err, errRefused)
		}
		assert.EqualValues(t, webhook.MaxOrphans, sender.sent.Load())
		store.refusesEnds = false
		verdict, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.KindDead, verdict.Kind)
	})
}

// A delivery whose attempts panic is an orphan each time. Its slot is released, and it does not stay in flight.
func TestPanicsEndDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	gate := bulkhead.New(bulkhead.Options{Workers: 8, PerEndpoint: 1, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	o := options(w.store, w.sender)
	o.Gate = gate
	d := deliver.New(o, prometheus.NewRegistry())
	w.sender.during = func(webhook.Dispatch) { panic("poison") }
	victim := w.publish()
	for range webhook.MaxOrphans {
		assert.PanicsWithValue(t, "poison", func() { // asynq recovers
			_, _ = d.Deliver(t.Context(), victim.ID, webhook.QueueDeliveries)
		})
	}
	assert.Contains(t, w.find(victim.ID).ErrorMessage(), "attempts_orphaned")
	verdict, err := d.Deliver(t.Context(), victim.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.KindDead, verdict.Kind)
	assert.EqualValues(t, webhook.MaxOrphans, w.sender.sent.Load())

	w.sender.during = nil
	verdict, err = d.Deliver(t.Context(), w.publish().ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict, "the slot is free")
}
