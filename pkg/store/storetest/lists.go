package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// ListDeliveries reads a page of deliveries at once.
func ListDeliveries(t testing.TB, s *store.Store, organizationID, endpointID string, page webhook.Page) webhook.List[webhook.Record] {
	t.Helper()
	found, err := s.PageDeliveries(t.Context(), webhook.DeliveryFilter{OrganizationID: organizationID, EndpointID: endpointID}, page)
	require.NoError(t, err)
	records, err := s.ReadDeliveries(t.Context(), organizationID, idsOf(found.Items))
	require.NoError(t, err)
	return webhook.List[webhook.Record]{Items: records, HasMore: found.HasMore, Next: found.Next}
}

// ListAttempts reads a page of attempts at once.
func ListAttempts(t testing.TB, s *store.Store, organizationID, deliveryID string, page webhook.Page) webhook.List[webhook.Attempt] {
	t.Helper()
	found, err := s.PageAttempts(t.Context(), organizationID, deliveryID, page)
	require.NoError(t, err)
	attempts, err := s.ReadAttempts(t.Context(), organizationID, idsOf(found.Items))
	require.NoError(t, err)
	return webhook.List[webhook.Attempt]{Items: attempts, HasMore: found.HasMore, Next: found.Next}
}

func idsOf(items []webhook.Sized) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	return ids
}

// testDeliverySizes holds sizes against what is read.
func testDeliverySizes(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, untried := w.publish()
	failed := w.failed()
	found, err := s.PageDeliveries(w.ctx, webhook.DeliveryFilter{OrganizationID: org, EndpointID: w.endpoint.ID}, firstPage)
	require.NoError(t, err)
	require.Len(t, found.Items, 2)
	require.Equal(t, []string{failed.ID, untried.ID}, idsOf(found.Items))

	event, attempt := w.find(failed.ID).Event, w.find(failed.ID).LastAttempt
	require.EqualValues(t, len(event.Data), found.Items[1].Bytes, "an event without an attempt")
	atLeast := len(event.Data) + len(attempt.ResponseBody)
	require.Greater(t, found.Items[0].Bytes, int64(atLeast), "the headers of the last attempt count too")
	alone, err := s.SizeDelivery(w.ctx, org, failed.ID)
	require.NoError(t, err)
	require.Equal(t, found.Items[0], alone)

	attempts, err := s.PageAttempts(w.ctx, org, failed.ID, firstPage)
	require.NoError(t, err)
	require.Len(t, attempts.Items, 1)
	require.Equal(t, found.Items[0].Bytes-int64(len(event.Data)), attempts.Items[0].Bytes)
}
