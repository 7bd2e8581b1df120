package deliver_test

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// results counts attempts by result.
type results struct {
	mutex sync.Mutex
	found map[string]int
}

func (r *results) Count(attempt webhook.Attempt) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.found == nil {
		r.found = map[string]int{}
	}
	r.found[attempt.ResultKey()]++
}

func TestAttemptsAreCountedByResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	var counted results
	o := options(w.store, w.sender)
	o.Counter = &counted
	deliverer := deliver.New(o, prometheus.NewRegistry())
	attempt := func(d webhook.Delivery) {
		_, err := deliverer.Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
	}
	attempt(w.publish())
	w.sender.status = 503
	attempt(w.publish())
	w.sender.status = 404
	attempt(w.publish())
	assert.Equal(t, map[string]int{"success": 1, "5xx": 1, "4xx": 1}, counted.found)

	attempt(w.publish(func(d *webhook.Delivery) { d.Test = true }))
	assert.Equal(t, map[string]int{"success": 1, "5xx": 1, "4xx": 1}, counted.found, "tests count nowhere")
	w.sender.during = func(d webhook.Dispatch) {
		_, err := w.store.CancelDelivery(t.Context(), webhook.Cancellation{OrganizationID: org, DeliveryID: d.Delivery.ID, At: webhook.Now()})
		assert.NoError(t, err)
	}
	superseded := w.publish()
	attempt(superseded)
	require.Equal(t, []webhook.AttemptOutcome{webhook.AttemptSuperseded}, w.attempts(superseded.ID))
	assert.Equal(t, map[string]int{"success": 1, "5xx": 1, "4xx": 1}, counted.found, "superseded attempts count nowhere")
}
