package deliver_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// silentStore is a database that takes connections and says nothing: every call ends with its context alone.
type silentStore struct {
	t        *testing.T
	dispatch webhook.Dispatch
	asked    []string
}

func (s *silentStore) hang(ctx context.Context, asked string) error {
	s.asked = append(s.asked, asked)
	deadline, bounded := ctx.Deadline()
	require.True(s.t, bounded, "%s would hold its worker for ever", asked)
	assert.Less(s.t, time.Until(deadline), 10*time.Second, asked)
	return webhook.Unavailable(time.Second, context.DeadlineExceeded)
}

func (s *silentStore) LoadDispatch(ctx context.Context, _ string) (webhook.Dispatch, error) {
	if s.dispatch.Delivery.ID != "" {
		return s.dispatch, nil
	}
	return webhook.Dispatch{}, s.hang(ctx, "load")
}

func (s *silentStore) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	if len(s.asked) == 0 {
		return webhook.Delivery{}, s.hang(ctx, "record")
	}
	return o.Delivery, nil
}

func (s *silentStore) Ping(context.Context) error { return nil }

func (s *silentStore) CountOrphan(ctx context.Context, _ string) (webhook.Delivery, error) {
	return webhook.Delivery{}, s.hang(ctx, "count")
}

func (s *silentStore) FailDelivery(ctx context.Context, _ webhook.Delivery) (webhook.Delivery, error) {
	return webhook.Delivery{}, s.hang(ctx, "fail")
}

func (s *silentStore) FindDelivery(ctx context.Context, _, _ string) (webhook.Record, error) {
	return webhook.Record{}, s.hang(ctx, "find")
}

type answersOK struct{}

func (answersOK) Send(context.Context, webhook.Dispatch) (webhook.Result, error) {
	return webhook.Result{StartedAt: webhook.Now(), ResponseStatus: 200}, nil
}

func TestASilentDatabaseHoldsNoWorker(t *testing.T) {
	t.Parallel()
	now := webhook.Now()
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", now)
	disabled := endpoint
	disabled.Status = webhook.EndpointDisabled
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, now)
	waiting := webhook.NewDelivery(event, endpoint, now.Add(-time.Second))
	dead := waiting
	dead.Status = webhook.StatusFailure

	for asked, dispatch := range map[string]webhook.Dispatch{
		"load":   {},
		"record": {Delivery: waiting, Event: event, Endpoint: endpoint},
		"fail":   {Delivery: waiting, Event: event, Endpoint: disabled},
		"find":   {Delivery: dead, Event: event, Endpoint: endpoint},
	} {
		s := &silentStore{t: t, dispatch: dispatch}
		d := deliver.New(s, answersOK{}, newGate(), webhook.Policy{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		verdict, err := d.Deliver(t.Context(), waiting.ID, webhook.QueueDeliveries)
		assert.Equal(t, []string{asked}, s.asked)
		if asked == "record" {
			require.NoError(t, err, "asked once more, it answered")
			assert.Equal(t, deliver.Done(), verdict)
			continue
		}
		require.Error(t, err, asked)
	}
}
