package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

const organization = "acme"

// failedDelivery makes a database with one failed delivery, and returns the IDs of the delivery and of its endpoint.
func failedDelivery(t *testing.T) (d *database, deliveryID, endpointID string) {
	t.Helper()
	d, err := openDatabase(t.Context(), testservers.Postgres(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.close()) })
	now := webhook.Now()
	spec := webhook.EndpointSpec{Name: "bench", URL: "https://example.com/", MaxRetries: new(0)}
	endpoint := webhook.NewEndpoint(organization, "bench", spec, "whsec_AAAA", now)
	require.NoError(t, d.store.CreateEndpoint(t.Context(), endpoint))
	event := webhook.NewEvent(organization, webhook.EventSpec{Type: eventType, Data: []byte(`{}`)}, now)
	delivery := webhook.NewDelivery(event, endpoint, now)
	require.NoError(t, d.store.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	require.NoError(t, failOnce(t.Context(), d, delivery.ID))
	return d, delivery.ID, endpoint.ID
}

func TestFilling(t *testing.T) {
	d, id, endpoint := failedDelivery(t)
	const count = 100
	require.NoError(t, filling{database: d, deliveryID: id, count: count, endpoints: []string{endpoint}}.run(t.Context()))

	for number, status := range map[int]webhook.Status{1: webhook.StatusSuccess, count: webhook.StatusFailure} {
		id := filledID(number)
		require.NoError(t, webhook.CheckID(webhook.KindDelivery, id))
		record, err := d.store.FindDelivery(t.Context(), organization, id)
		require.NoError(t, err)
		assert.Equal(t, status, record.Delivery.Status)
		assert.Equal(t, isFailure(number), record.Delivery.Status == webhook.StatusFailure)
		require.NotNil(t, record.LastAttempt)
		assert.Equal(t, id, record.LastAttempt.DeliveryID)
	}
	_, err := d.store.FindDelivery(t.Context(), organization, id)
	require.NoError(t, err, "what is copied stays")
	_, err = d.store.RetryDelivery(t.Context(), organization, filledID(2), webhook.Now())
	require.NoError(t, err)

	purging := startPurge(t.Context(), d.store)
	require.NoError(t, <-purging.done, "it ends when there is nothing left")
	assert.EqualValues(t, count-1, purging.count, "all but the one that is not at its end any more")
	_, err = d.store.FindDelivery(t.Context(), organization, filledID(1))
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
}

func TestFillingAnew(t *testing.T) {
	d, id, endpoint := failedDelivery(t)
	require.NoError(t, filling{database: d, deliveryID: id, count: 10, endpoints: []string{endpoint, "ep_other"}, anew: true}.run(t.Context()))
	page, err := d.store.PageDeliveries(t.Context(), webhook.DeliveryFilter{OrganizationID: organization}, webhook.Page{Limit: 100})
	require.NoError(t, err)
	assert.Len(t, page.Items, 10, "nothing but copies")
	page, err = d.store.PageDeliveries(t.Context(), webhook.DeliveryFilter{OrganizationID: organization, EndpointID: endpoint}, webhook.Page{Limit: 100})
	require.NoError(t, err)
	assert.Len(t, page.Items, 5, "the endpoints take turns")
}

func TestBareStatements(t *testing.T) {
	d, id, _ := failedDelivery(t)
	for _, events := range []int{1, 3} {
		n, err := newInserter(t.Context(), d, events)
		require.NoError(t, err)
		done, err := n.run(t.Context(), 9)
		require.NoError(t, err)
		assert.Equal(t, 9, done.count)
		var matching int
		require.NoError(t, d.pool.QueryRow(t.Context(), "SELECT count(*) FROM bare_deliveries d JOIN bare_events e ON e.id = d.event_id").Scan(&matching))
		assert.Equal(t, 9, matching)
	}
	s := newSession(Options{}, newProgress(t.Output(), 1))
	require.NoError(t, measureUpdates(t.Context(), s, d, organization, []string{id}))
	require.Error(t, measureUpdates(t.Context(), s, d, organization, []string{id, id}), "the second finds it pending")
}
