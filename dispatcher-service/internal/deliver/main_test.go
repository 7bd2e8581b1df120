package deliver_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

const org = "org_a"

// world is a real store with one endpoint, and a receiver with the answers of the test.
type world struct {
	t        *testing.T
	store    *store.Store
	endpoint webhook.Endpoint
	sender   *scripted
}

func newWorld(t *testing.T, maxRetries int) *world {
	t.Helper()
	opened := storetest.NewPostgres(t)
	endpoint := newEndpoint(maxRetries)
	require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))
	return &world{t: t, store: opened, endpoint: endpoint, sender: &scripted{}}
}

func newEndpoint(maxRetries int) webhook.Endpoint {
	spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com/hook", MaxRetries: &maxRetries}
	return webhook.NewEndpoint(org, "key_a", spec, "whsec_a", webhook.Now())
}

// publish makes a delivery that is due now, with the changes of the test.
func (w *world) publish(change ...func(*webhook.Delivery)) webhook.Delivery {
	w.t.Helper()
	event := newEvent()
	delivery := webhook.NewDelivery(event, w.endpoint, webhook.Now())
	for _, c := range change {
		c(&delivery)
	}
	require.NoError(w.t, w.store.CreateEvent(w.t.Context(), event, []webhook.Delivery{delivery}))
	return delivery
}

func newEvent() webhook.Event {
	return webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
}

func (w *world) deliver(id string) deliver.Verdict {
	w.t.Helper()
	verdict, err := newDeliverer(w.store, w.sender).Deliver(w.t.Context(), id, webhook.QueueDeliveries)
	require.NoError(w.t, err)
	return verdict
}

func newDeliverer(s deliver.Store, sender deliver.Sender) *deliver.Deliverer {
	return deliver.New(options(s, sender), prometheus.NewRegistry())
}

// options are those of production, without a log and without a limit for endpoints.
func options(s deliver.Store, sender deliver.Sender) deliver.Options {
	return deliver.Options{Store: s, Sender: sender, Gate: newGate(), Log: slog.New(slog.DiscardHandler)}
}

// each serves a batch item by item.
func each[T, R any](items []T, serve func(T) (R, error)) ([]R, []error) {
	results, failures := make([]R, len(items)), make([]error, len(items))
	for i, item := range items {
		results[i], failures[i] = serve(item)
	}
	return results, failures
}

// newGate admits all deliveries that a test sends concurrently.
func newGate() *bulkhead.Bulkheads {
	return bulkhead.New(bulkhead.Options{Workers: 1000, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
}

func (w *world) find(id string) webhook.Record {
	w.t.Helper()
	record, err := w.store.FindDelivery(w.t.Context(), org, id)
	require.NoError(w.t, err)
	return record
}

// attempts lists the recorded attempts, oldest first.
func (w *world) attempts(id string) []webhook.AttemptOutcome {
	w.t.Helper()
	list := storetest.ListAttempts(w.t, w.store, org, id, webhook.Page{Limit: 100})
	outcomes := make([]webhook.AttemptOutcome, len(list.Items))
	for i, attempt := range list.Items {
		require.Equal(w.t, len(list.Items)-i, attempt.Number)
		outcomes[len(list.Items)-1-i] = attempt.Outcome
	}
	return outcomes
}

// scripted is a Sender whose receiver answers 200, or as the test sets.
type scripted struct {
	status  int
	failure string
	short   error                  // no attempt is made
	during  func(webhook.Dispatch) // called during the attempt
	sent    atomic.Int32
}

func (s *scripted) Send(_ context.Context, d webhook.Dispatch) (webhook.Result, error) {
	if s.short != nil {
		return webhook.Result{}, s.short
	}
	s.sent.Add(1)
	if s.during != nil {
		s.during(d)
	}
	result := webhook.Result{StartedAt: webhook.Now(), Duration: time.Millisecond, ResponseStatus: s.status, Failure: s.failure}
	if s.status == 0 && s.failure == "" {
		result.ResponseStatus = 200
	}
	return result, nil
}
