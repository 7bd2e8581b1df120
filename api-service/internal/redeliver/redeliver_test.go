package redeliver_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/metrics"
	"redrive/api-service/internal/redeliver"
	"redrive/pkg/webhook"
)

// world is a store with one delivery and its endpoint, and a queue. It records the order of the calls.
type world struct {
	record   webhook.Record
	endpoint webhook.Endpoint
	broken   map[string]error
	calls    []string
	created  []webhook.Delivery
	enqueued []webhook.Delivery
}

func (w *world) did(what string) error {
	w.calls = append(w.calls, what)
	return w.broken[what]
}

func (w *world) RetryDeliveries(_ context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	records, failures := make([]webhook.Record, len(retries)), make([]error, len(retries))
	for i, retry := range retries {
		if failures[i] = w.did("retry"); failures[i] != nil {
			continue
		}
		var retried webhook.Delivery
		retried, failures[i] = w.record.Delivery.Retried(retry.At)
		records[i] = webhook.Record{Delivery: retried, Event: w.record.Event}
	}
	return records, failures
}

func (w *world) FindDelivery(context.Context, string, string) (webhook.Record, error) {
	return w.record, w.did("find delivery")
}

func (w *world) FindEndpointEver(_ context.Context, organizationID, id string) (webhook.Endpoint, error) {
	if organizationID != w.endpoint.OrganizationID || id != w.endpoint.ID {
		return webhook.Endpoint{}, webhook.NotFound("endpoint", id)
	}
	return w.endpoint, w.did("find endpoint")
}

func (w *world) FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error) {
	return w.FindEndpointEver(ctx, organizationID, id)
}

func (w *world) FindEvent(_ context.Context, organizationID, id string) (webhook.Event, error) {
	if organizationID != "org_a" || id != w.record.Event.ID {
		return webhook.Event{}, webhook.NotFound("event", id)
	}
	return w.record.Event, w.did("find event")
}

func (w *world) CancelDelivery(_ context.Context, c webhook.Cancellation) (webhook.Record, error) {
	return webhook.Record{Delivery: c.Cancelled()}, w.did("cancel")
}

func (w *world) CreateDelivery(_ context.Context, d webhook.Delivery) error {
	w.created = append(w.created, d)
	return w.did("create")
}

func (w *world) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	_ = w.did("enqueue")
	w.enqueued = append(w.enqueued, deliveries...)
}

func newWorld(status webhook.Status) *world {
	now := webhook.Now().Add(-time.Hour)
	endpoint := webhook.Endpoint{ID: "ep_1", OrganizationID: "org_a", Status: webhook.EndpointActive, MaxRetries: 7}
	event := webhook.Event{ID: "evt_1", OrganizationID: "org_a", Type: "run.finished"}
	delivery := webhook.NewDelivery(event, endpoint, now)
	delivery.Status, delivery.RetryCount, delivery.MaxRetries, delivery.LastAttemptID = status, 2, 2, "att_1"
	return &world{record: webhook.Record{Delivery: delivery, Event: event, LastAttempt: &webhook.Attempt{ID: "att_1"}}, endpoint: endpoint, broken: map[string]error{}}
}

func TestRetryEnqueuesSameDelivery(t *testing.T) {
	w := newWorld(webhook.StatusFailure)
	record, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Retry(t.Context(), "org_a", w.record.Delivery.ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"retry", "enqueue"}, w.calls)
	assert.Equal(t, w.record.Delivery.ID, record.Delivery.ID)
	assert.Equal(t, []webhook.Delivery{record.Delivery}, w.enqueued)
}

func TestRetryRefusedEnqueuesNothing(t *testing.T) {
	w := newWorld(webhook.StatusRetrying)
	_, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Retry(t.Context(), "org_a", "dlv_1")
	require.ErrorIs(t, err, webhook.ErrDeliveryNotFailed)
	assert.Equal(t, []string{"retry"}, w.calls)
}

func TestReplayAnyStatusCreatesDelivery(t *testing.T) {
	for _, status := range []webhook.Status{webhook.StatusPending, webhook.StatusRetrying, webhook.StatusSuccess, webhook.StatusFailure} {
		w := newWorld(status)
		before := w.record.Delivery
		record, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Replay(t.Context(), "org_a", before.ID)
		require.NoError(t, err)
		assert.Equal(t, []string{"find delivery", "find endpoint", "create", "enqueue"}, w.calls)
		assert.Equal(t, before, w.record.Delivery, "the old one is left alone")
		assert.Equal(t, w.created, w.enqueued)
		assert.Equal(t, w.created, []webhook.Delivery{record.Delivery})
		assert.Equal(t, w.record.Event, record.Event)
		assert.Nil(t, record.LastAttempt, "it has none of its own yet")

		replay := record.Delivery
		assert.NotEqual(t, before.ID, replay.ID)
		assert.Equal(t, webhook.StatusPending, replay.Status)
		assert.Equal(t, webhook.PriorityHead, replay.Priority)
		assert.Equal(t, 7, replay.MaxRetries, "the endpoint's of today")
		assert.Equal(t, []any{"evt_1", "ep_1", 0, ""}, []any{replay.EventID, replay.EndpointID, replay.RetryCount, replay.LastAttemptID})
	}
}

func TestReplayFailedEnqueuesNothing(t *testing.T) {
	broken := errors.New("broken")
	for _, step := range []string{"find delivery", "find endpoint", "create"} {
		w := newWorld(webhook.StatusSuccess)
		w.broken[step] = broken
		_, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Replay(t.Context(), "org_a", "dlv_1")
		require.ErrorIs(t, err, broken)
		assert.Equal(t, step, w.calls[len(w.calls)-1])
	}
	w := newWorld(webhook.StatusSuccess)
	w.endpoint.Status = webhook.EndpointDisabled
	_, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Replay(t.Context(), "org_a", "dlv_1")
	require.ErrorIs(t, err, webhook.ErrEndpointDisabled)
	assert.Empty(t, w.created)
	assert.Empty(t, w.enqueued)
}

func TestDeliverCreatesDelivery(t *testing.T) {
	w := newWorld(webhook.StatusSuccess)
	w.endpoint.SubscribedEventTypes = []string{"other.type"}
	record, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Deliver(t.Context(), "org_a", "evt_1", "ep_1")
	require.NoError(t, err)
	assert.Equal(t, []string{"find event", "find endpoint", "create", "enqueue"}, w.calls)
	assert.Equal(t, []webhook.Delivery{record.Delivery}, w.enqueued)
	assert.Equal(t, webhook.PriorityHead, record.Delivery.Priority)
	assert.Empty(t, record.Delivery.ReplayOf)
	assert.Equal(t, w.record.Event, record.Event)
}

func TestDeliverRefusedCreatesNothing(t *testing.T) {
	w := newWorld(webhook.StatusSuccess)
	r := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{})
	_, err := r.Deliver(t.Context(), "org_a", "evt_2", "ep_1")
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
	_, err = r.Deliver(t.Context(), "org_a", "evt_1", "ep_2")
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
	w.endpoint.Status = webhook.EndpointDisabled
	_, err = r.Deliver(t.Context(), "org_a", "evt_1", "ep_1")
	require.ErrorIs(t, err, webhook.ErrEndpointDisabled)
	assert.Empty(t, w.created)
	assert.Empty(t, w.enqueued)
}

func TestCancelEnqueuesNothing(t *testing.T) {
	w := newWorld(webhook.StatusRetrying)
	record, err := redeliver.New(w, w, metrics.New(prometheus.NewRegistry()), redeliver.Options{}).Cancel(t.Context(), "org_a", "dlv_1")
	require.NoError(t, err)
	assert.Equal(t, []string{"cancel"}, w.calls)
	assert.Equal(t, webhook.FailureCancelled, record.Delivery.FailureReason)
}
