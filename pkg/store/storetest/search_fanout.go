package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// testFanOut has an endpoint for each reason why there is no delivery.
func testFanOut(t *testing.T, s *store.Store) {
	ctx, at := t.Context(), start
	create := func(name string, created time.Time, types ...string) webhook.Endpoint {
		e := webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: name, URL: "https://example.com", SubscribedEventTypes: types}, "whsec_a", created)
		require.NoError(t, s.CreateEndpoint(ctx, e))
		return e
	}
	change := func(e webhook.Endpoint, c webhook.EndpointChange) {
		_, err := s.ChangeEndpoint(ctx, org, e.ID, c)
		require.NoError(t, err)
	}
	hour, day := time.Hour, 24*time.Hour
	want := map[string]webhook.NoDelivery{}
	got := create("got it", at.Add(-day))
	narrow := create("not subscribed", at.Add(-day), "other.type")
	want[narrow.ID] = webhook.NotSubscribed
	widened := create("subscribed later", at.Add(-day), "other.type")
	change(widened, webhook.EndpointChange{Kind: webhook.ChangeUpdated, At: at.Add(hour), Apply: func(e *webhook.Endpoint) error {
		e.SubscribedEventTypes = nil
		return nil
	}})
	want[widened.ID] = webhook.NotSubscribed
	disabled := create("disabled, enabled later", at.Add(-day))
	change(disabled, webhook.Disabling("", webhook.DisabledManually, at.Add(-hour)))
	change(disabled, webhook.Enabling("", at.Add(hour)))
	want[disabled.ID] = webhook.WasDisabled
	deleted := create("deleted", at.Add(-day))
	change(deleted, webhook.Deleting("", at.Add(-hour)))
	want[deleted.ID] = webhook.WasDeleted
	long := create("deleted long ago", at.Add(-100*day))
	change(long, webhook.Deleting("", at.Add(-31*day)))
	later := create("created later", at.Add(hour))
	want[later.ID] = webhook.CreatedLater
	just := create("disabled just before", at.Add(-day))
	change(just, webhook.Disabling("", webhook.DisabledManually, at.Add(-500*time.Millisecond)))
	want[just.ID] = webhook.UnknownAtEvent
	purged := create("has no delivery any more", at.Add(-day))
	want[purged.ID] = webhook.UnknownAtEvent

	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, at)
	first := webhook.NewDelivery(event, got, at)
	require.NoError(t, s.CreateEvent(ctx, event, []webhook.Delivery{first}))
	replay := first.Replayed(event, got, at.Add(hour))
	require.NoError(t, s.CreateDelivery(ctx, replay))
	fan, err := s.FindFanOut(ctx, org, event.ID)
	require.NoError(t, err)
	assert.Equal(t, event, fan.Event)
	require.Len(t, fan.Deliveries, 2)
	assert.Equal(t, replay.ID, fan.Deliveries[0].ID, "newest first")
	assert.Equal(t, first.ID, fan.Deliveries[0].ReplayOf)
	reasons := map[string]webhook.NoDelivery{}
	for _, w := range fan.Without {
		reasons[w.EndpointID] = w.Reason
	}
	assert.Equal(t, want, reasons)
	_, err = s.FindFanOut(ctx, other, event.ID)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))

	trial := webhook.NewEvent(org, webhook.EventSpec{Type: webhook.EventTypeTest, Data: json.RawMessage(`{}`)}, at)
	require.NoError(t, s.CreateEvent(ctx, trial, nil))
	fan, err = s.FindFanOut(ctx, org, trial.ID)
	require.NoError(t, err)
	assert.Empty(t, fan.Without, "a test goes to one endpoint only")
}

func testFindOwner(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	d := w.failed()
	_, err := s.PutOrganization(t.Context(), "acme", webhook.OrganizationChange{}, start)
	require.NoError(t, err)
	for id, want := range map[string]*webhook.Resource{
		d.ID:            {Kind: webhook.KindDelivery, ID: d.ID, OrganizationID: org},
		d.EventID:       {Kind: webhook.KindEvent, ID: d.EventID, OrganizationID: org},
		d.LastAttemptID: {Kind: webhook.KindAttempt, ID: d.LastAttemptID, OrganizationID: org},
		w.endpoint.ID:   {Kind: webhook.KindEndpoint, ID: w.endpoint.ID, OrganizationID: org},
		"acme":          {ID: "acme", OrganizationID: "acme"},
		"unknown":       nil,
		webhook.NewID(webhook.KindDelivery, start): nil,
		webhook.NewID(webhook.KindRequest, start):  nil,
	} {
		found, err := s.FindOwner(w.ctx, id)
		require.NoError(t, err)
		assert.Equal(t, want, found, id)
	}
}
