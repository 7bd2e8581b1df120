package storetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// testExplained reads what the explanation of a delivery is made of, in the life of the delivery and its endpoint.
func testExplained(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	event, d := w.publish()
	found := func() webhook.Explained {
		t.Helper()
		explained, err := s.FindExplained(w.ctx, org, d.ID)
		require.NoError(t, err)
		revision, err := s.FindRevision(w.ctx, org, d.ID)
		require.NoError(t, err)
		assert.Equal(t, explained.Record.Delivery.Revision, revision)
		return explained
	}
	waiting := found()
	assert.Equal(t, w.find(d.ID).Delivery, waiting.Record.Delivery)
	assert.EqualValues(t, len(event.Data), waiting.DataSize)
	assert.Equal(t, d.EndpointID, waiting.Endpoint.ID)
	assert.Nil(t, waiting.Record.LastAttempt)
	assert.Nil(t, waiting.Superseded)
	assert.Empty(t, waiting.Record.Event.Data, "no body")
	for organizationID, id := range map[string]string{other: d.ID, org: "dlv_none"} {
		_, err := s.FindExplained(w.ctx, organizationID, id)
		assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
		_, err = s.FindRevision(w.ctx, organizationID, id)
		assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
	}

	w.attempt(w.find(d.ID).Delivery, 503)
	retrying := found()
	assert.Equal(t, 503, retrying.Record.LastAttempt.ResponseStatus)
	assert.Empty(t, retrying.Record.LastAttempt.ResponseBody)
	assert.Nil(t, retrying.Superseded, "the last attempt counts")

	late := w.decide(w.find(d.ID).Delivery, 200) // a worker is sending
	_, err := s.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: org, DeliveryID: d.ID, At: webhook.Now()})
	require.NoError(t, err)
	assert.Nil(t, found().Superseded)
	_, err = s.RecordOutcome(w.ctx, late)
	require.NoError(t, err)
	cancelled := found()
	require.NotNil(t, cancelled.Superseded)
	assert.Equal(t, late.Attempt.ID, cancelled.Superseded.ID)
	assert.Equal(t, 200, cancelled.Superseded.ResponseStatus)
	assert.Equal(t, retrying.Record.LastAttempt.ID, cancelled.Record.LastAttempt.ID)

	_, err = s.ChangeEndpoint(w.ctx, org, d.EndpointID, webhook.Deleting("key_a", webhook.Now()))
	require.NoError(t, err)
	assert.False(t, found().Endpoint.DeletedAt.IsZero())
}
