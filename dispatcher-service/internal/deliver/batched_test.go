package deliver_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// counting is a real store that counts its statements and holds the first ones until all callers wait.
type counting struct {
	deliver.Store
	hold           chan struct{}
	loads, records atomic.Int32
}

func (c *counting) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	<-c.hold
	c.loads.Add(1)
	return c.Store.LoadDispatches(ctx, ids)
}

func (c *counting) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	c.records.Add(1)
	return c.Store.RecordOutcomes(ctx, outcomes)
}

// Deliveries share their statements, and each has its own outcome. A delivery that does not exist, or that may not be sent, does not affect
// the others.
func TestBatched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	const count = 60
	store := &counting{Store: w.store, hold: make(chan struct{})}
	w.sender.during = func(d webhook.Dispatch) { assert.Equal(t, w.endpoint.ID, d.Endpoint.ID) }
	d := newDeliverer(store, w.sender)
	var group sync.WaitGroup
	var ids []string
	for range count {
		id := w.publish().ID
		ids = append(ids, id)
		group.Go(func() {
			verdict, err := d.Deliver(t.Context(), id, webhook.QueueDeliveries)
			assert.NoError(t, err)
			assert.Equal(t, deliver.Done(), verdict)
		})
	}
	group.Go(func() {
		verdict, err := d.Deliver(t.Context(), webhook.NewID(webhook.KindDelivery, webhook.Now()), webhook.QueueDeliveries)
		assert.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict, "purged")
	})
	close(store.hold)
	group.Wait()
	for _, id := range ids {
		assert.Equal(t, webhook.StatusSuccess, w.find(id).Delivery.Status)
		assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptSuccess}, w.attempts(id))
	}
	assert.EqualValues(t, count, w.sender.sent.Load())
	assert.Less(t, store.loads.Load(), int32(count))
}
