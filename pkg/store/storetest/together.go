package storetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// testOutcomesApart records six outcomes in one call: a correct, a fenced, a recorded, a duplicate, an invalid and an unknown one.
func testOutcomesApart(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, fine := w.publish()
	_, moved := w.publish()
	_, known := w.publish()
	_, gone := w.publish()
	_, refused := w.publish()
	late := w.decide(moved, 500)
	w.attempt(moved, 200)
	recorded, again := w.attempt(known, 500)

	wrong := w.decide(refused, 500)
	wrong.Delivery.Status = "lost" // no database accepts it
	strange := w.decide(fine, 200)
	strange.Delivery.ID = webhook.NewID(webhook.KindDelivery, start)
	strange.Attempt.DeliveryID = strange.Delivery.ID
	first, second := w.decide(fine, 500), w.decide(fine, 200)

	outcomes := []webhook.Outcome{wrong, first, late, strange, again, second, w.decide(gone, 410)}
	now, failures := s.RecordOutcomes(w.ctx, outcomes)
	require.Len(t, now, len(outcomes))
	require.Error(t, failures[0])
	requireNotFound(t, failures[3])
	for _, i := range []int{1, 2, 4, 5, 6} {
		require.NoError(t, failures[i], "outcome %d", i)
	}

	assert.Equal(t, refused, w.find(refused.ID).Delivery)
	assert.Empty(t, w.attempts(refused.ID))
	assert.Equal(t, webhook.StatusSuccess, now[2].Status, "the row, not what was decided late")
	assert.Equal(t, recorded, now[4])
	assert.Len(t, w.attempts(known.ID), 1)
	assert.Equal(t, webhook.StatusFailure, now[6].Status)
	endpoint, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointDisabled, endpoint.Status)

	attempts := w.attempts(fine.ID)
	require.Len(t, attempts, 2, "both were made")
	counted := map[webhook.AttemptOutcome]int{}
	for _, a := range attempts {
		counted[a.Outcome]++
	}
	assert.Equal(t, 1, counted[webhook.AttemptSuperseded], "and one decided")
	assert.Equal(t, now[1], now[5])
	assert.Equal(t, w.find(fine.ID).Delivery, now[1])
}

// testOutcomesMany records overlapping batches concurrently, each in its own order.
func testOutcomesMany(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	var deliveries []webhook.Delivery
	for range 60 {
		_, d := w.publish()
		deliveries = append(deliveries, d)
	}
	const callers = 4
	var group sync.WaitGroup
	for caller := range callers {
		outcomes := make([]webhook.Outcome, len(deliveries))
		for i := range deliveries {
			o := w.decide(deliveries[(i*7+caller*13)%len(deliveries)], 500)
			o.Attempt.ResponseBody = []byte(strings.Repeat("x", i))
			outcomes[i] = o
		}
		group.Go(func() {
			for len(outcomes) > 0 {
				var again []webhook.Outcome
				_, failures := s.RecordOutcomes(w.ctx, outcomes)
				for i, err := range failures {
					if webhook.CodeOf(err) == webhook.CodeUnavailable {
						again = append(again, outcomes[i]) // a deadlock; the other transaction won
					} else {
						assert.NoError(t, err)
					}
				}
				outcomes = again
			}
		})
	}
	group.Wait()
	for _, d := range deliveries {
		attempts := w.attempts(d.ID)
		require.Len(t, attempts, callers)
		assert.Equal(t, callers, attempts[0].Number)
		assert.Equal(t, d.Revision+1, w.find(d.ID).Delivery.Revision)
	}
}

// testDispatchLargeData has data at the limit read with the delivery, and larger data apart.
func testDispatchLargeData(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	for _, size := range []int{webhook.MaxLoadedData, webhook.MaxLoadedData + 1, 1_000_000} {
		data := []byte(`{"x":"` + strings.Repeat("x", size-len(`{"x":""}`)) + `"}`)
		event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: data}, start)
		d := webhook.NewDelivery(event, w.endpoint, start)
		require.NoError(t, s.CreateEvent(w.ctx, event, []webhook.Delivery{d}))
		dispatch, err := s.LoadDispatch(w.ctx, d.ID)
		require.NoError(t, err)
		loaded, failures := s.LoadData(w.ctx, []string{event.ID, "evt_none", event.ID})
		require.NoError(t, failures[0])
		requireNotFound(t, failures[1])
		assert.Equal(t, event.Data, loaded[0])
		assert.Equal(t, event.Data, loaded[2])
		if size <= webhook.MaxLoadedData {
			assert.Zero(t, dispatch.Omitted)
			assert.Equal(t, event, dispatch.Event)
			continue
		}
		assert.EqualValues(t, size, dispatch.Omitted)
		assert.Nil(t, dispatch.Event.Data)
		dispatch.Event.Data = loaded[0]
		assert.Equal(t, event, dispatch.Event)
	}
}

func testDispatchesApart(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	event, d := w.publish()
	second := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: "other", URL: "https://example.com/other"}, "whsec_two", start)
	require.NoError(t, s.CreateEndpoint(w.ctx, second))
	w.endpoint, second = second, w.endpoint
	otherEvent, other := w.publish()
	orphaned := webhook.NewDelivery(event, webhook.Endpoint{ID: webhook.NewID(webhook.KindEndpoint, start)}, start.Add(time.Second))
	require.NoError(t, s.CreateDelivery(w.ctx, orphaned))

	missing := webhook.NewID(webhook.KindDelivery, start)
	got, failures := s.LoadDispatches(w.ctx, []string{other.ID, missing, d.ID, orphaned.ID, other.ID})
	require.Len(t, got, 5)
	requireNotFound(t, failures[1])
	for _, i := range []int{0, 2, 3, 4} {
		require.NoError(t, failures[i])
	}
	assert.Equal(t, webhook.FailureEndpointMissing, got[3].Missing)
	assert.Equal(t, webhook.Dispatch{Delivery: other, Event: otherEvent, Endpoint: w.endpoint}, withoutNil(got[0]))
	assert.Equal(t, webhook.Dispatch{Delivery: d, Event: event, Endpoint: second}, withoutNil(got[2]))
	assert.Equal(t, got[0], got[4])

	none, _ := s.LoadDispatches(w.ctx, nil)
	assert.Empty(t, none)
}
