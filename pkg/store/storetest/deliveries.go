package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testEventRoundTrip(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	event, delivery := w.publish()

	record := w.find(delivery.ID)
	assert.Equal(t, webhook.Record{Delivery: delivery, Event: event}, record)

	dispatch, err := s.LoadDispatch(w.ctx, delivery.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.Dispatch{Delivery: delivery, Event: event, Endpoint: w.endpoint}, withoutNil(dispatch))

	published, err := event.Body()
	require.NoError(t, err)
	for _, stored := range []webhook.Event{record.Event, dispatch.Event} {
		body, err := stored.Body()
		require.NoError(t, err)
		assert.Equal(t, string(published), string(body), "the body has the same bytes whenever it is made")
	}
}

// withoutNil replaces a nil list of subscriptions by an empty one, because the store returns nil as an empty list.
func withoutNil(d webhook.Dispatch) webhook.Dispatch {
	if len(d.Endpoint.SubscribedEventTypes) == 0 {
		d.Endpoint.SubscribedEventTypes = nil
	}
	return d
}

func testEventAllOrNothing(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, taken := w.publish()

	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, start)
	fresh := webhook.NewDelivery(event, w.endpoint, start)
	clash := webhook.NewDelivery(event, w.endpoint, start)
	clash.ID = taken.ID
	require.Error(t, s.CreateEvent(w.ctx, event, []webhook.Delivery{fresh, clash}))

	_, err := s.FindDelivery(w.ctx, org, fresh.ID)
	requireNotFound(t, err)
	require.NoError(t, s.CreateEvent(w.ctx, event, []webhook.Delivery{fresh}), "the event was not left behind")
}

func testLargeFanOut(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, start)
	deliveries := make([]webhook.Delivery, 2_500)
	for i := range deliveries {
		deliveries[i] = webhook.NewDelivery(event, w.endpoint, start)
	}
	require.NoError(t, s.CreateEvent(w.ctx, event, deliveries))
	assert.Equal(t, deliveries[2_499], w.find(deliveries[2_499].ID).Delivery)

	lonely := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, start)
	assert.NoError(t, s.CreateEvent(w.ctx, lonely, nil), "an event without a subscription is kept too")
}

func testDeliveryPages(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	second := newWorld(t, s)
	var mine []string
	for range 3 {
		_, d := w.publish()
		mine = append(mine, d.ID)
		second.publish()
	}
	slices.Sort(mine) // they are of one millisecond, in which IDs need not ascend while other tests make IDs too
	list := ListDeliveries(t, s, org, "", webhook.Page{Limit: 4})
	assert.Len(t, list.Items, 4)
	assert.True(t, list.HasMore)
	assert.Greater(t, list.Items[0].Delivery.ID, list.Items[1].Delivery.ID, "newest first")

	list = ListDeliveries(t, s, org, w.endpoint.ID, webhook.Page{Limit: 2, Offset: 1})
	assert.False(t, list.HasMore)
	require.Len(t, list.Items, 2)
	assert.Equal(t, mine[1], list.Items[0].Delivery.ID)
	assert.Equal(t, mine[0], list.Items[1].Delivery.ID)
	assert.Equal(t, "run.finished", list.Items[0].Event.Type)
	assert.Empty(t, list.Next)

	list = ListDeliveries(t, s, org, w.endpoint.ID, webhook.Page{Limit: 2})
	require.Equal(t, mine[1], list.Next)
	list = ListDeliveries(t, s, org, w.endpoint.ID, webhook.Page{Limit: 2, After: list.Next})
	assert.False(t, list.HasMore)
	require.Len(t, list.Items, 1)
	assert.Equal(t, mine[0], list.Items[0].Delivery.ID)
}

// testWithoutBodies reads deliveries and attempts without their bodies. Everything else is the same.
func testWithoutBodies(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	w.publish()
	full := ListDeliveries(t, s, org, "", firstPage)
	sized, err := s.PageDeliveries(w.ctx, webhook.DeliveryFilter{OrganizationID: org}, webhook.Page{Limit: 10, WithoutBodies: true})
	require.NoError(t, err)
	lean, err := s.ReadDeliveriesWithoutBodies(w.ctx, org, idsOf(sized.Items))
	require.NoError(t, err)
	require.Len(t, lean, 2)
	assert.Zero(t, sized.Items[0].Bytes, "it has no attempt yet")
	for i, record := range full.Items {
		assert.Empty(t, lean[i].Event.Data)
		record.Event.Data = lean[i].Event.Data
		if record.LastAttempt != nil {
			assert.NotEmpty(t, record.LastAttempt.ResponseBody)
			record.LastAttempt.ResponseBody = nil
		}
		assert.Equal(t, record, lean[i])
	}

	attempts := ListAttempts(t, s, org, d.ID, firstPage).Items
	sized, err = s.PageAttempts(w.ctx, org, d.ID, webhook.Page{Limit: 10, WithoutBodies: true})
	require.NoError(t, err)
	bodiless, err := s.ReadAttemptsWithoutBodies(w.ctx, org, idsOf(sized.Items))
	require.NoError(t, err)
	require.NotEmpty(t, attempts[0].ResponseBody)
	attempts[0].ResponseBody = nil
	assert.Equal(t, attempts, bodiless)
	none, err := s.ReadDeliveriesWithoutBodies(w.ctx, other, []string{d.ID})
	require.NoError(t, err)
	assert.Empty(t, none)
}

func testDue(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, first := w.publish()
	_, second := w.publish()
	_, later := w.publish()
	w.attempt(later, 500) // retrying, 5 s and more from now
	_, done := w.publish()
	w.attempt(done, 200)

	ids := func(due []store.Due) (ids []string) {
		for _, d := range due {
			assert.Equal(t, webhook.QueueDeliveries, d.Queue)
			ids = append(ids, d.ID)
		}
		return ids
	}
	due, err := s.ListDue(w.ctx, start, store.Due{}, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{first.ID, second.ID}, ids(due))

	due, err = s.ListDue(w.ctx, start, store.Due{}, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{first.ID}, ids(due))
	due, err = s.ListDue(w.ctx, start, due[0], 10)
	require.NoError(t, err)
	assert.Equal(t, []string{second.ID}, ids(due))

	due, err = s.ListDue(w.ctx, start.Add(-1), store.Due{}, 10)
	require.NoError(t, err)
	assert.Empty(t, due)
	due, err = s.ListDue(w.ctx, w.find(later.ID).Delivery.NextRetryAt, store.Due{}, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{first.ID, second.ID, later.ID}, ids(due), "the longest due first")
}

// testDueAhead writes deliveries with a clock that is ahead and does not enqueue them. ListDue returns them at once.
func testDueAhead(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	ahead := webhook.Now().Add(time.Hour)
	event := func() (webhook.Event, []webhook.Delivery) {
		e := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, ahead)
		return e, []webhook.Delivery{webhook.NewDelivery(e, w.endpoint, ahead)}
	}
	alone, made := event()
	require.NoError(t, s.CreateEvent(w.ctx, alone, made))
	var together []webhook.Publication
	for range 2 {
		e, d := event()
		together, made = append(together, webhook.Publication{Event: e, Deliveries: d}), append(made, d...)
	}
	require.NoError(t, errors.Join(s.CreateEvents(w.ctx, together)...))
	replay := webhook.NewDelivery(alone, w.endpoint, ahead)
	require.NoError(t, s.CreateDelivery(w.ctx, replay))
	retried, err := s.RetryDelivery(w.ctx, org, w.failed().ID, ahead)
	require.NoError(t, err)
	assert.False(t, retried.Delivery.NextRetryAt.After(webhook.Now()), "as it is shown, too")
	made = append(made, replay, retried.Delivery)
	records, failures := s.RetryDeliveries(w.ctx, []webhook.Retry{{OrganizationID: org, DeliveryID: w.failed().ID, At: ahead}})
	require.NoError(t, errors.Join(failures...))
	assert.False(t, records[0].Delivery.NextRetryAt.After(webhook.Now()))
	made = append(made, records[0].Delivery)
	later := webhook.NewDelivery(alone, w.endpoint, ahead)
	later.Status = webhook.StatusRetrying // by its own schedule
	require.NoError(t, s.CreateDelivery(w.ctx, later))

	waiting, err := s.ListDue(w.ctx, webhook.Now(), store.Due{}, 10)
	require.NoError(t, err)

	var want, got []string
	for _, d := range made {
		want = append(want, d.ID)
	}
	for _, d := range waiting {
		got = append(got, d.ID)
	}
	assert.ElementsMatch(t, want, got)
}

func testScoping(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	page := webhook.Page{Limit: 10}

	_, err := s.FindDelivery(w.ctx, other, d.ID)
	requireNotFound(t, err)
	_, err = s.RetryDelivery(w.ctx, other, d.ID, start)
	requireNotFound(t, err)
	_, err = s.PageAttempts(w.ctx, other, d.ID, page)
	requireNotFound(t, err)
	_, err = s.FindEndpoint(w.ctx, other, w.endpoint.ID)
	requireNotFound(t, err)
	_, err = SetStatus(w.ctx, s, other, w.endpoint.ID, webhook.EndpointDisabled, start)
	requireNotFound(t, err)
	_, err = Rotate(w.ctx, s, other, w.endpoint.ID, "whsec_two", 0, start)
	requireNotFound(t, err)

	endpoints, err := s.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: other}, page)
	require.NoError(t, err)
	assert.Empty(t, endpoints.Items)
	assert.Empty(t, ListDeliveries(t, s, other, w.endpoint.ID, page).Items)
	records, err := s.ReadDeliveries(w.ctx, other, []string{d.ID})
	require.NoError(t, err)
	assert.Empty(t, records)
	attempts, err := s.ReadAttempts(w.ctx, other, []string{d.LastAttemptID})
	require.NoError(t, err)
	assert.Empty(t, attempts)
	_, err = s.SizeDelivery(w.ctx, other, d.ID)
	requireNotFound(t, err)

	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointActive, found.Status)
	assert.Equal(t, d, w.find(d.ID).Delivery, "nothing was touched")
}
