package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// statisticsWorld makes things happen to deliveries, at random.
type statisticsWorld struct {
	t         *testing.T
	store     *store.Store
	random    *rand.Rand
	endpoints []webhook.Endpoint
	types     []string
	clock     time.Time
	model     countModel
	known     []webhook.Delivery // in their present state
	typeOf    map[string]string  // by event
	// neverRetry leaves failures as they are.
	neverRetry bool
}

func newStatisticsWorld(t *testing.T, s *store.Store, seed uint64) *statisticsWorld {
	t.Helper()
	w := &statisticsWorld{
		t: t, store: s, random: rand.New(rand.NewPCG(seed, 1)),
		types: []string{"run.finished", "node.started"}, clock: statisticsDay.Add(20 * time.Hour), typeOf: map[string]string{},
	}
	for i := range 3 {
		endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: fmt.Sprint(i), URL: "https://example.com"}, "whsec_a", statisticsDay)
		require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
		w.endpoints = append(w.endpoints, endpoint)
	}
	return w
}

func (w *statisticsWorld) endpointIDs() (ids []string) {
	for _, e := range w.endpoints {
		ids = append(ids, e.ID)
	}
	return ids
}

// publication makes an event of one of the types to some of the endpoints.
func (w *statisticsWorld) publication() webhook.Publication {
	spec := webhook.EventSpec{Type: w.types[w.random.IntN(len(w.types))], Data: []byte(`{}`)}
	if w.random.IntN(3) == 0 {
		spec.IdempotencyKey = fmt.Sprint("key ", w.random.IntN(20))
	}
	event := webhook.NewEvent(org, spec, w.clock)
	p := webhook.Publication{Event: event, Key: spec.Idempotency()}
	for _, endpoint := range w.endpoints[:w.random.IntN(len(w.endpoints)+1)] {
		p.Deliveries = append(p.Deliveries, webhook.NewDelivery(event, endpoint, w.clock))
	}
	return p
}

// publish publishes a batch. Some of its events are duplicates.
func (w *statisticsWorld) publish() {
	batch := make([]webhook.Publication, 1+w.random.IntN(4))
	for i := range batch {
		batch[i] = w.publication()
	}
	for i, err := range w.store.CreateEvents(w.t.Context(), batch) {
		if errors.Is(err, webhook.ErrIdempotencyKeyTaken) {
			continue
		}
		require.NoError(w.t, err)
		p := batch[i]
		w.typeOf[p.Event.ID] = p.Event.Type
		w.model.add("", p.Event.Type, w.clock, webhook.Counts{Events: 1})
		for _, d := range p.Deliveries {
			w.created(d)
		}
	}
}

func (w *statisticsWorld) created(d webhook.Delivery) {
	w.model.add(d.EndpointID, w.typeOf[d.EventID], w.clock, webhook.Counts{Created: 1})
	w.known = append(w.known, d)
}

// test makes a test delivery, whose attempt fails. Neither counts.
func (w *statisticsWorld) test() {
	event := webhook.NewEvent(org, webhook.EventSpec{Type: w.types[0], Data: []byte(`{}`)}, w.clock)
	d := webhook.NewTest(event, w.endpoints[0], w.clock)
	require.NoError(w.t, w.store.CreateEvent(w.t.Context(), event, []webhook.Delivery{d}))
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: w.clock, ResponseStatus: 500}, w.clock)
	require.NoError(w.t, err)
	_, err = w.store.RecordOutcome(w.t.Context(), outcome)
	require.NoError(w.t, err)
}

// waiting returns the indexes of up to most deliveries that wait, at random.
func (w *statisticsWorld) waiting(most int) (indexes []int) {
	for _, i := range w.random.Perm(len(w.known)) {
		if w.known[i].Status.Waiting() && len(indexes) < most {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// result is what an attempt got.
func (w *statisticsWorld) result() webhook.Result {
	r := webhook.Result{StartedAt: w.clock, Duration: time.Duration(w.random.IntN(90_000)) * time.Millisecond}
	switch w.random.IntN(6) {
	case 0:
		r.ResponseStatus = 404
	case 1:
		r.ResponseStatus = 302
	case 2:
		r.ErrorCode, r.Failure = webhook.ErrorTimeout, "no answer"
	case 3:
		r.ResponseStatus = 500
	default:
		r.ResponseStatus = 204
	}
	return r
}

var errorKeys = map[int]string{404: "4xx", 302: "http_status", 500: "5xx", 0: "timeout"}

// attempt records attempts together. Some are recorded twice, and some are superseded.
func (w *statisticsWorld) attempt() {
	var outcomes []webhook.Outcome
	for _, i := range w.waiting(1 + w.random.IntN(4)) {
		d := w.known[i]
		d.MaxRetries = 1
		r := w.result()
		outcome, err := webhook.Policy{}.Decide(d, r, w.clock.Add(r.Duration))
		require.NoError(w.t, err)
		outcome.EventType = w.typeOf[d.EventID]
		late, err := webhook.Policy{}.Decide(d, w.result(), w.clock)
		require.NoError(w.t, err)
		late.EventType = outcome.EventType
		outcomes = append(outcomes, outcome)
		if w.random.IntN(3) == 0 {
			outcomes = append(outcomes, late, outcome)
		}
		w.known[i] = outcome.Delivery
		counts := webhook.Counts{Attempts: 1}
		if r.ResponseStatus != 0 {
			counts.Durations.Add(r.Duration.Milliseconds())
		}
		if key := errorKeys[r.ResponseStatus]; key != "" {
			counts.AddError(key, 1)
		}
		switch outcome.Delivery.Status {
		case webhook.StatusSuccess:
			counts.Succeeded = 1
		case webhook.StatusFailure:
			counts.Failed = 1
		case webhook.StatusPending, webhook.StatusRetrying:
		}
		w.model.add(d.EndpointID, outcome.EventType, w.clock.Add(r.Duration), counts)
	}
	_, failures := w.store.RecordOutcomes(w.t.Context(), outcomes)
	for _, err := range failures {
		require.NoError(w.t, err)
	}
}

func (w *statisticsWorld) ended(i int, next webhook.Delivery) {
	w.known[i].Status, w.known[i].Revision = webhook.StatusFailure, next.Revision
	w.known[i].NextRetryAt, w.known[i].FailureReason = time.Time{}, next.FailureReason
	w.model.add(w.known[i].EndpointID, w.typeOf[w.known[i].EventID], w.clock, webhook.Counts{Failed: 1})
}

func (w *statisticsWorld) cancel() {
	for _, i := range w.waiting(1) {
		c := webhook.Cancellation{OrganizationID: org, DeliveryID: w.known[i].ID, At: w.clock}
		record, err := w.store.CancelDelivery(w.t.Context(), c)
		require.NoError(w.t, err)
		w.ended(i, record.Delivery)
		_, err = w.store.CancelDelivery(w.t.Context(), c)
		require.ErrorIs(w.t, err, webhook.ErrDeliveryNotWaiting)
	}
}

func (w *statisticsWorld) fail() {
	for _, i := range w.waiting(1) {
		failed, err := w.known[i].Failed(webhook.FailureEndpointDisabled, w.clock)
		require.NoError(w.t, err)
		for range 2 { // the second is fenced
			_, err = w.store.FailDelivery(w.t.Context(), failed)
			require.NoError(w.t, err)
		}
		w.ended(i, failed)
	}
}

// retry requeues a failed delivery, which counts nothing.
func (w *statisticsWorld) retry() {
	for i, d := range w.known {
		if !w.neverRetry && d.Status == webhook.StatusFailure && w.random.IntN(2) == 0 {
			record, err := w.store.RetryDelivery(w.t.Context(), org, d.ID, w.clock)
			require.NoError(w.t, err)
			w.known[i] = record.Delivery
			return
		}
	}
}

func (w *statisticsWorld) replay() {
	if len(w.known) == 0 {
		return
	}
	d := w.known[w.random.IntN(len(w.known))]
	i := slices.IndexFunc(w.endpoints, func(e webhook.Endpoint) bool { return e.ID == d.EndpointID })
	replay := d.Replayed(webhook.Event{ID: d.EventID, OrganizationID: org}, w.endpoints[i], w.clock)
	require.NoError(w.t, w.store.CreateDelivery(w.t.Context(), replay))
	w.created(replay)
}

func (w *statisticsWorld) step() {
	w.clock = w.clock.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond).Truncate(time.Microsecond)
	switch w.random.IntN(12) {
	case 0, 1, 2:
		w.publish()
	case 3, 4, 5, 6:
		w.attempt()
	case 7:
		w.cancel()
	case 8:
		w.fail()
	case 9:
		w.retry()
	case 10:
		w.replay()
	case 11:
		w.test()
	}
}

// operational adds the events that the store has published itself. They have no deliveries.
func (w *statisticsWorld) operational() {
	w.t.Helper()
	for _, eventType := range []string{webhook.EventTypeDeliveryExhausted, webhook.EventTypeEndpointFailing, webhook.EventTypeEndpointRecovered, webhook.EventTypeEndpointDisabled} {
		list, err := w.store.PageEvents(w.t.Context(), webhook.EventFilter{OrganizationID: org, Type: eventType}, webhook.Page{Limit: 1000})
		require.NoError(w.t, err)
		events, err := w.store.ReadEvents(w.t.Context(), org, idsOf(list.Items))
		require.NoError(w.t, err)
		for _, e := range events {
			w.model.add("", e.Type, e.CreatedAt, webhook.Counts{Events: 1})
		}
	}
}
