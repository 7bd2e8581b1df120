package storetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Execute runs one statement on the database beside the store.
type Execute func(statement string)

// RunDamaged runs the tests with rows that were removed or damaged by hand. Each test gets its own migrated database.
func RunDamaged(t *testing.T, open func(t *testing.T) (*store.Store, Execute)) {
	for name, test := range map[string]func(*testing.T, world, Execute){
		"attempts removed":                   testAttemptsRemoved,
		"event removed":                      testEventRemoved,
		"endpoint removed":                   testEndpointRemoved,
		"columns of JSON damaged":            testColumnsDamaged,
		"hash of a key cut short":            testHashCutShort,
		"one endpoint damaged, others loads": testOneEndpointSealedDamaged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, execute := open(t)
			w := world{t: t, ctx: t.Context(), store: s, record: s.RecordOutcome}
			w.endpoint = sealedWorld(t, s, 1).endpoint
			test(t, w, execute)
		})
	}
}

var firstPage = webhook.Page{Limit: 10}

// failed returns a delivery with one recorded failed attempt.
func (w world) failedDelivery() webhook.Delivery {
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, start)
	d := webhook.NewDelivery(event, w.endpoint, start)
	d.MaxRetries = 0
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, []webhook.Delivery{d}))
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: start, ResponseStatus: 500}, start)
	require.NoError(w.t, err)
	d, err = w.store.RecordOutcome(w.ctx, outcome)
	require.NoError(w.t, err)
	return d
}

func (w world) listed() []webhook.Record {
	return ListDeliveries(w.t, w.store, org, "", firstPage).Items
}

func testAttemptsRemoved(t *testing.T, w world, execute Execute) {
	d := w.failedDelivery()
	execute("DELETE FROM attempts")
	require.Len(t, w.listed(), 1)
	assert.Nil(t, w.listed()[0].LastAttempt)
	record, err := w.store.FindDelivery(w.ctx, org, d.ID)
	require.NoError(t, err)
	assert.Nil(t, record.LastAttempt)
	attempts := ListAttempts(t, w.store, org, d.ID, firstPage)
	assert.Empty(t, attempts.Items)
	records, errs := w.store.RetryDeliveries(w.ctx, []webhook.Retry{{OrganizationID: org, DeliveryID: d.ID, At: start}})
	require.NoError(t, errs[0])
	assert.Equal(t, webhook.StatusPending, records[0].Delivery.Status)
	assert.Nil(t, records[0].LastAttempt)
	_, err = w.store.LoadDispatch(w.ctx, d.ID)
	require.NoError(t, err)
}

func testEventRemoved(t *testing.T, w world, execute Execute) {
	d, whole := w.failedDelivery(), w.failedDelivery()
	execute("DELETE FROM events WHERE id = '" + d.EventID + "'")
	records := w.listed()
	require.Len(t, records, 2)
	assert.Equal(t, whole.ID, records[0].Delivery.ID)
	assert.Equal(t, d.ID, records[1].Delivery.ID)
	assert.Equal(t, d.EventID, records[1].Event.ID)
	assert.JSONEq(t, "null", string(records[1].Event.Data))
	_, err := w.store.FindDelivery(w.ctx, org, d.ID)
	require.NoError(t, err)
	both, errs := w.store.LoadDispatches(w.ctx, []string{d.ID, whole.ID})
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	assert.Equal(t, webhook.FailureEventMissing, both[0].Missing)
	assert.Empty(t, both[1].Missing)
	retried, errs := w.store.RetryDeliveries(w.ctx, []webhook.Retry{{OrganizationID: org, DeliveryID: d.ID, At: start}})
	require.NoError(t, errs[0])
	assert.Equal(t, d.EventID, retried[0].Event.ID)
	replay := webhook.NewDelivery(webhook.Event{ID: d.EventID, OrganizationID: org}, w.endpoint, start)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(w.store.CreateDelivery(w.ctx, replay)))
}

func testEndpointRemoved(t *testing.T, w world, execute Execute) {
	d := w.failedDelivery()
	execute("DELETE FROM endpoints")
	require.Len(t, w.listed(), 1)
	dispatch, err := w.store.LoadDispatch(w.ctx, d.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.FailureEndpointMissing, dispatch.Missing)
	_, err = w.store.RetryDelivery(w.ctx, org, d.ID, start)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
}

func testColumnsDamaged(t *testing.T, w world, execute Execute) {
	d := w.failedDelivery()
	execute("UPDATE attempts SET request_headers = '{', response_headers = ''")
	require.Len(t, w.listed(), 1)
	require.NotNil(t, w.listed()[0].LastAttempt)
	attempts := ListAttempts(t, w.store, org, d.ID, firstPage)
	assert.Len(t, attempts.Items, 1)

	execute("UPDATE endpoints SET subscribed_event_types = '[', headers = 'x'")
	endpoints, err := w.store.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: org}, firstPage)
	require.NoError(t, err)
	require.Len(t, endpoints.Items, 1)
	active, err := w.store.ListActiveEndpoints(w.ctx, org)
	require.NoError(t, err)
	require.Len(t, active, 1)
	assert.False(t, webhook.Subscribes(active[0].SubscribedEventTypes, "run.finished"), "it does not take what it may not have subscribed to")
	_, err = w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
}

func testHashCutShort(t *testing.T, w world, execute Execute) {
	key, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeReadWrite}, start)
	require.NoError(t, w.store.CreateAPIKey(w.ctx, key))
	execute("UPDATE api_keys SET key_hash = 'short'")
	keys, err := w.store.ListAPIKeysOf(w.ctx, org, firstPage)
	require.NoError(t, err)
	assert.Len(t, keys.Items, 1)
	_, err = w.store.FindAPIKeyByHash(w.ctx, [32]byte{})
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "no key hashes to nothing")
}

func testOneEndpointSealedDamaged(t *testing.T, w world, execute Execute) {
	d := w.failedDelivery()
	other := w
	other.endpoint = sealedWorld(t, w.store, 2).endpoint
	whole := other.failedDelivery()
	execute("UPDATE endpoints SET signing_secrets = 'damaged' WHERE id = '" + w.endpoint.ID + "'")
	_, errs := w.store.LoadDispatches(w.ctx, []string{d.ID, whole.ID})
	require.Error(t, errs[0])
	require.NoError(t, errs[1])
	list, err := w.store.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: org}, firstPage)
	require.NoError(t, err)
	assert.Len(t, list.Items, 2)
}
