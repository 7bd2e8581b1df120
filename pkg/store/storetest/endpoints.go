package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testEndpointRoundTrip(t *testing.T, s *store.Store) {
	retries := 0
	endpoint := webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{
		Name: "Zähler ☃", URL: "https://example.com/hook?a=b", Description: "d", MaxRetries: &retries, SubscribedEventTypes: []string{"run.*", "node.done"},
	}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))

	found, err := s.FindEndpoint(t.Context(), org, endpoint.ID)
	require.NoError(t, err)
	assert.Nil(t, found.SigningSecrets, "only what signs needs them")
	found.SigningSecrets = endpoint.SigningSecrets
	assert.Equal(t, endpoint, found)
}

func testEndpointPages(t *testing.T, s *store.Store) {
	var ids []string
	for i := range 5 {
		endpoint := webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: fmt.Sprint(i), URL: "https://example.com"}, "whsec_x", start)
		require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
		ids = append(ids, endpoint.ID)
	}
	slices.Sort(ids) // they are of one millisecond, in which IDs need not ascend while other tests make IDs too
	page := func(limit, offset int) (shown []string, more bool) {
		list, err := s.ListEndpoints(t.Context(), webhook.EndpointFilter{OrganizationID: org}, webhook.Page{Limit: limit, Offset: offset})
		require.NoError(t, err)
		for _, e := range list.Items {
			shown = append(shown, e.ID)
		}
		return shown, list.HasMore
	}
	shown, more := page(2, 0)
	assert.Equal(t, []string{ids[4], ids[3]}, shown, "newest first")
	assert.True(t, more)
	shown, more = page(2, 3)
	assert.Equal(t, []string{ids[1], ids[0]}, shown)
	assert.False(t, more)
	list, err := s.ListEndpoints(t.Context(), webhook.EndpointFilter{OrganizationID: org}, webhook.Page{Limit: 2, After: ids[2]})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	assert.Equal(t, ids[1], list.Items[0].ID)
	assert.False(t, list.HasMore)
	shown, more = page(100, 1_000_000_000)
	assert.Empty(t, shown)
	assert.False(t, more)
}

func testEndpointStatus(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	set := func(status webhook.EndpointStatus, now time.Time) webhook.Endpoint {
		endpoint, err := SetStatus(w.ctx, s, org, w.endpoint.ID, status, now)
		require.NoError(t, err)
		return endpoint
	}
	active := func() []webhook.Endpoint {
		endpoints, err := s.ListActiveEndpoints(w.ctx, org)
		require.NoError(t, err)
		return endpoints
	}
	require.Len(t, active(), 1)

	disabled := set(webhook.EndpointDisabled, start.Add(time.Hour))
	assert.Equal(t, webhook.EndpointDisabled, disabled.Status)
	assert.Equal(t, start.Add(time.Hour), disabled.DisabledAt)
	assert.Equal(t, start.Add(time.Hour), disabled.UpdatedAt)
	assert.Equal(t, disabled, set(webhook.EndpointDisabled, start.Add(2*time.Hour)), "disabling again changes nothing")
	assert.Empty(t, active())

	enabled := set(webhook.EndpointActive, start.Add(3*time.Hour))
	assert.Equal(t, webhook.EndpointActive, enabled.Status)
	assert.True(t, enabled.DisabledAt.IsZero())
	assert.Len(t, active(), 1)
}

func (w world) liveSecrets(at time.Time) []webhook.Secret {
	w.t.Helper()
	_, d := w.publish()
	dispatch, err := w.store.LoadDispatch(w.ctx, d.ID)
	require.NoError(w.t, err)
	return dispatch.Endpoint.LiveSecrets(at)
}

func testSecretsRotate(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	assert.Equal(t, []webhook.Secret{"whsec_one"}, w.liveSecrets(start))

	rotated, err := Rotate(w.ctx, s, org, w.endpoint.ID, "whsec_two", 24*time.Hour, start)
	require.NoError(t, err)
	assert.Equal(t, w.endpoint.ID, rotated.ID)
	assert.Equal(t, []webhook.Secret{"whsec_two", "whsec_one"}, w.liveSecrets(start.Add(24*time.Hour-time.Second)))
	assert.Equal(t, []webhook.Secret{"whsec_two"}, w.liveSecrets(start.Add(24*time.Hour)))
}

func testConcurrentRotation(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			_, err := Rotate(w.ctx, s, org, w.endpoint.ID, webhook.Secret(fmt.Sprint("whsec_", i)), time.Hour, start)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Len(t, w.liveSecrets(start), 7, "no rotation lost another's secret")
}
