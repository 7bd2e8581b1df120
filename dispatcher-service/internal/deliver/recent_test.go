package deliver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

// agreeable is a store that loads its delivery and accepts every outcome.
type agreeable struct {
	deliver.Store
	held map[string]webhook.Dispatch
}

func (a agreeable) LoadDispatches(_ context.Context, ids []string) ([]webhook.Dispatch, []error) {
	return each(ids, func(id string) (webhook.Dispatch, error) { return a.held[id], nil })
}

func (agreeable) RecordOutcomes(_ context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	return each(outcomes, func(o webhook.Outcome) (webhook.Delivery, error) { return o.Delivery, nil })
}

func (agreeable) Writable(context.Context) error { return nil }

// lately returns the metrics of endpoints and of failed deliveries.
type lately struct{ answered, unanswered, failed, byAttempt, byGone, byJob float64 }

func latelyOf(t *testing.T, registry *prometheus.Registry) lately {
	t.Helper()
	values := testmetrics.Values(t, registry)
	return lately{
		answered: values["redrive_endpoints_attempted answered"], unanswered: values["redrive_endpoints_attempted unanswered"],
		failed: values["redrive_endpoints_failed"], byAttempt: values["redrive_deliveries_ended_total attempt failure"],
		byGone: values["redrive_deliveries_ended_total gone failure"], byJob: values["redrive_deliveries_ended_total bulk_job failure"],
	}
}

func TestEndpointsAreCountedByTheirLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry, sender, store := prometheus.NewRegistry(), &scripted{}, agreeable{held: map[string]webhook.Dispatch{}}
		deliverer := deliver.New(options(store, sender), registry)
		defer deliverer.Abandon()
		bulkJob := ""
		attempt := func(endpoint webhook.Endpoint, status int, failure string) {
			sender.status, sender.failure = status, failure
			event := newEvent()
			delivery := webhook.NewDelivery(event, endpoint, webhook.Now())
			delivery.BulkJobID = bulkJob
			store.held[delivery.ID] = webhook.Dispatch{Delivery: delivery, Event: event, Endpoint: endpoint}
			_, err := deliverer.Deliver(t.Context(), delivery.ID, webhook.QueueDeliveries)
			require.NoError(t, err)
		}
		patient, hasty, gone, again := newEndpoint(3), newEndpoint(0), newEndpoint(3), newEndpoint(0)

		assert.Equal(t, lately{}, latelyOf(t, registry))
		attempt(patient, 0, "the connection was refused")
		assert.Equal(t, lately{unanswered: 1}, latelyOf(t, registry), "a retry follows")
		attempt(patient, 500, "")
		assert.Equal(t, lately{answered: 1}, latelyOf(t, registry), "a bad answer is an answer")
		attempt(hasty, 0, "the connection was refused")
		attempt(hasty, 500, "")
		assert.Equal(t, lately{answered: 2, failed: 1, byAttempt: 2}, latelyOf(t, registry), "an endpoint counts once")
		attempt(gone, 410, "")
		assert.Equal(t, lately{answered: 3, failed: 1, byAttempt: 2, byGone: 1}, latelyOf(t, registry), "410 ends it on purpose")
		bulkJob = webhook.NewID(webhook.KindBulkJob, time.Now())
		attempt(again, 0, "the connection was refused")
		attempt(patient, 0, "the connection was refused")
		assert.Equal(t, lately{answered: 3, failed: 1, byAttempt: 2, byGone: 1, byJob: 1}, latelyOf(t, registry), "deliveries of bulk jobs count apart")

		time.Sleep(3 * time.Minute)
		assert.Equal(t, lately{failed: 1, byAttempt: 2, byGone: 1, byJob: 1}, latelyOf(t, registry))
		time.Sleep(7 * time.Minute)
		assert.Equal(t, lately{byAttempt: 2, byGone: 1, byJob: 1}, latelyOf(t, registry))
	})
}
