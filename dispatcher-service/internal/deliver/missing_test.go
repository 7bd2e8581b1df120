package deliver_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// incomplete is a real store that lacks a part of every delivery.
type incomplete struct {
	deliver.Store
	missing webhook.FailureReason
}

func (i incomplete) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	dispatches, failures := i.Store.LoadDispatches(ctx, ids)
	for n := range dispatches {
		dispatches[n].Missing = i.missing
	}
	return dispatches, failures
}

// A delivery whose event or endpoint was removed by hand cannot be sent. It ends, or the reconciler would enqueue it for ever.
func TestDeliverMissingPartEndsInFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for _, reason := range []webhook.FailureReason{webhook.FailureEventMissing, webhook.FailureEndpointMissing} {
		d := w.publish()
		verdict, err := newDeliverer(incomplete{w.store, reason}, w.sender).Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict, "it leaves no dead letter")
		record := w.find(d.ID)
		assert.Equal(t, webhook.StatusFailure, record.Delivery.Status)
		assert.Contains(t, record.ErrorMessage(), string(reason))
	}
	assert.Zero(t, w.sender.sent.Load())
}
