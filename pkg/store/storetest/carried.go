package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// loads are the two calls that load the input of an attempt.
func (w world) loads(id string) map[string]webhook.Dispatch {
	w.t.Helper()
	alone, err := w.store.LoadDispatch(w.ctx, id)
	require.NoError(w.t, err)
	together, errs := w.store.LoadDispatches(w.ctx, []string{id})
	require.NoError(w.t, errs[0])
	return map[string]webhook.Dispatch{"alone": alone, "together": together[0]}
}

func testEndpointCarries(t *testing.T, s *store.Store) {
	headers := map[string]webhook.Secret{"Authorization": "Bearer canary", "X-Team": "blue"}
	w := world{t: t, ctx: t.Context(), store: s, record: s.RecordOutcome}
	w.endpoint = webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{
		Name: "n", URL: "https://example.com", SubscribedEventTypes: []string{"*"}, RateLimit: 10_000, Headers: headers,
	}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(w.ctx, w.endpoint))

	_, d := w.publish()
	for way, dispatch := range w.loads(d.ID) {
		assert.Equal(t, w.endpoint, dispatch.Endpoint, way)
	}

	named := map[string]webhook.Secret{"Authorization": "", "X-Team": ""}
	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	list, err := s.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: org}, webhook.Page{Limit: 1})
	require.NoError(t, err)
	rotated, err := Rotate(w.ctx, s, org, w.endpoint.ID, "whsec_two", time.Hour, start)
	require.NoError(t, err)
	switched, err := SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	for way, shown := range map[string]webhook.Endpoint{"found": found, "listed": list.Items[0], "rotated": rotated, "switched": switched} {
		assert.Equal(t, named, shown.Headers, "%s: only what sends needs the values", way)
		assert.Equal(t, 10_000, shown.RateLimit, way)
	}
}

func testTooManySecrets(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	for i := range 49 {
		_, err := Rotate(w.ctx, s, org, w.endpoint.ID, webhook.Secret(fmt.Sprint("whsec_", i)), time.Hour, start)
		require.NoError(t, err)
	}
	before := w.liveSecrets(start)
	require.Len(t, before, 50)
	_, err := Rotate(w.ctx, s, org, w.endpoint.ID, "whsec_x", time.Hour, start)
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	assert.Equal(t, before, w.liveSecrets(start), "what is refused changes nothing")

	_, err = Rotate(w.ctx, s, org, w.endpoint.ID, "whsec_x", 0, start)
	require.NoError(t, err)
	assert.Equal(t, []webhook.Secret{"whsec_x"}, w.liveSecrets(start))
}
