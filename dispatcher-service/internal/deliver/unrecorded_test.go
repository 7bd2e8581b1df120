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

// refusing is a database that takes no outcome, and counts orphans all the same. It takes an end too, unless the test says
// otherwise.
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

// What the database refuses for good is not sent for ever.
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
		for range 2 { // as it ends, and when somebody runs its task once more
			verdict, err := run()
			require.NoError(t, err)
			assert.Equal(t, deliver.KindDead, verdict.Kind)
			assert.Contains(t, verdict.Reason, "attempts_orphaned")
		}
		assert.EqualValues(t, webhook.MaxOrphans, sender.sent.Load())
	})
}

// Nor is it if the end cannot be written either: it is not sent until it can.
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

// A delivery that has its attempts panic is an orphan each time, and leaves neither its slot taken nor itself in flight.
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
