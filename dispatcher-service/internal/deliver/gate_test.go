package deliver_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// A delivery that finds its endpoint's slots used is snoozed without an attempt, a retry or a write. A delivery of another endpoint is sent
// meanwhile.
func TestDeliverBusyEndpointSnoozes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	gate := bulkhead.New(bulkhead.Options{Workers: 8, PerEndpoint: 1, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	sending, release := make(chan struct{}), make(chan struct{})
	busy := w.endpoint.ID
	w.sender.during = func(d webhook.Dispatch) {
		if d.Endpoint.ID == busy {
			close(sending)
			<-release
		}
	}
	o := options(w.store, w.sender)
	o.Gate = gate
	d := deliver.New(o, prometheus.NewRegistry())
	first, second := w.publish(), w.publish()
	done := make(chan deliver.Verdict)
	go func() {
		verdict, err := d.Deliver(t.Context(), first.ID, webhook.QueueDeliveries)
		assert.NoError(t, err)
		done <- verdict
	}()
	<-sending

	verdict, err := d.Deliver(t.Context(), second.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.KindSnooze, verdict.Kind)
	assert.True(t, verdict.At.After(time.Now()))
	assert.NotEmpty(t, verdict.Reason)
	assert.Equal(t, second, w.find(second.ID).Delivery)
	assert.Empty(t, w.attempts(second.ID))

	w.endpoint = newEndpoint(0)
	require.NoError(t, w.store.CreateEndpoint(t.Context(), w.endpoint))
	verdict, err = d.Deliver(t.Context(), w.publish().ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict, "another endpoint has slots of its own")

	close(release)
	assert.Equal(t, deliver.Done(), <-done)
	w.sender.during = nil
	verdict, err = d.Deliver(t.Context(), second.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.Done(), verdict, "the slot is free")
}
