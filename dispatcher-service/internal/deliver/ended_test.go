package deliver_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// A dead letter that is run from the queue is logged, and its last error names the retry through the API. A delivery that succeeded
// has no such line.
func TestDeadLetterRunFromTheQueueNamesTheRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	succeeded, failed := w.publish(), w.publish()
	var log strings.Builder
	o := options(w.store, w.sender)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	deliverer := deliver.New(o, prometheus.NewRegistry())
	run := func(d webhook.Delivery) deliver.Verdict {
		verdict, err := deliverer.Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		return verdict
	}
	const line = "failed delivery dequeued and not sent"
	const retry = "POST /v1/execution-webhooks/deliveries/{id}/retry"

	run(succeeded)
	w.sender.failure = "the connection was refused"
	first := run(failed)
	assert.Equal(t, "the connection was refused", first.Reason)
	run(succeeded)
	require.NotContains(t, log.String(), line)

	again := run(failed)
	assert.Equal(t, deliver.KindDead, again.Kind)
	assert.Contains(t, again.Reason, first.Reason)
	assert.Contains(t, again.Reason, retry)
	assert.Equal(t, 1, strings.Count(log.String(), line), log.String())
	assert.Contains(t, log.String(), failed.ID)
	assert.EqualValues(t, 2, w.sender.sent.Load(), "nothing is sent again")
}
