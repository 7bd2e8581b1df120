package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func pointer[T any](value T) *T { return &value }

// put creates an organization with the default settings.
func put(t *testing.T, s *store.Store, id string) webhook.Organization {
	t.Helper()
	o, err := s.PutOrganization(t.Context(), id, webhook.OrganizationChange{}, start)
	require.NoError(t, err)
	return o
}

func testOrganizationPut(t *testing.T, s *store.Store) {
	_, err := s.FindOrganization(t.Context(), org)
	requireNotFound(t, err)
	want := webhook.DefaultOrganization(org)
	want.CreatedAt, want.UpdatedAt, want.Metadata = start, start, map[string]string{}
	assert.Equal(t, want, put(t, s, org))

	later := start.Add(time.Hour)
	change := webhook.OrganizationChange{
		Name: pointer("Acme"), Metadata: &map[string]string{"plan": "gold"},
		Limits: webhook.OrganizationLimitsChange{MaxEndpoints: pointer(0), MaxAPIKeys: pointer(2), MaxWaitingDeliveries: pointer(3), RequestsPerSecond: pointer(4)},
	}
	changed, err := s.PutOrganization(t.Context(), org, change, later)
	require.NoError(t, err)
	want.Name, want.Metadata, want.UpdatedAt = "Acme", map[string]string{"plan": "gold"}, later
	want.Limits = webhook.OrganizationLimits{MaxAPIKeys: 2, MaxWaitingDeliveries: 3, RequestsPerSecond: 4}
	assert.Equal(t, want, changed)
	found, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, want, found)

	unchanged, err := s.PutOrganization(t.Context(), org, webhook.OrganizationChange{}, later)
	require.NoError(t, err)
	assert.Equal(t, want, unchanged)

	key := keep(t, s, org, webhook.ScopeRead)
	identities, failures := s.FindIdentities(t.Context(), [][32]byte{key.KeyHash})
	require.NoError(t, failures[0])
	assert.Equal(t, 3, identities[0].Organization.Limits.MaxWaitingDeliveries)
	assert.Equal(t, 4, identities[0].Organization.Limits.RequestsPerSecond)
	again, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, want, again, "a new key changes nothing")
}

// testOrganizationConcurrentPut changes different fields at the same time. All changes are kept.
func testOrganizationConcurrentPut(t *testing.T, s *store.Store) {
	changes := []webhook.OrganizationChange{
		{Name: pointer("Acme")},
		{Metadata: &map[string]string{"plan": "gold"}},
		{Limits: webhook.OrganizationLimitsChange{MaxEndpoints: pointer(7)}},
		{Limits: webhook.OrganizationLimitsChange{MaxAPIKeys: pointer(8)}},
	}
	var group sync.WaitGroup
	for _, change := range changes {
		group.Go(func() {
			_, err := s.PutOrganization(t.Context(), org, change, start)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	found, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, "Acme", found.Name)
	assert.Equal(t, map[string]string{"plan": "gold"}, found.Metadata)
	assert.Equal(t, webhook.OrganizationLimits{MaxEndpoints: 7, MaxAPIKeys: 8}, found.Limits)
}

func testOrganizationList(t *testing.T, s *store.Store) {
	for id, name := range map[string]string{"b": "Beta", "a": "Alpha", "B-1": "50% off", "c_d": `back\slash`, "c.d": "Beta two"} {
		_, err := s.PutOrganization(t.Context(), id, webhook.OrganizationChange{Name: &name}, start)
		require.NoError(t, err)
	}
	_, err := s.DeleteOrganization(t.Context(), "a", start, start)
	require.NoError(t, err)
	list := func(prefix string, page webhook.Page) (ids []string, hasMore bool) {
		found, err := s.ListOrganizations(t.Context(), prefix, false, page)
		require.NoError(t, err)
		for _, o := range found.Items {
			ids = append(ids, o.ID)
		}
		return ids, found.HasMore
	}
	for prefix, want := range map[string][]string{
		"": {"B-1", "a", "b", "c.d", "c_d"}, "b": {"B-1", "b", "c.d", "c_d"}, "beta": {"b", "c.d"}, "ALPHA": {"a"},
		"c_": {"c_d"}, "50%": {"B-1"}, "%": nil, `back\`: {"c_d"}, "lpha": nil,
	} {
		ids, hasMore := list(prefix, webhook.Page{Limit: 10})
		assert.Equal(t, want, ids, "%q", prefix)
		assert.False(t, hasMore)
	}
	ids, hasMore := list("", webhook.Page{Limit: 2})
	assert.Equal(t, []string{"B-1", "a"}, ids)
	assert.True(t, hasMore)
	ids, hasMore = list("", webhook.Page{Limit: 3, After: "a"})
	assert.Equal(t, []string{"b", "c.d", "c_d"}, ids)
	assert.False(t, hasMore)
}

func testOrganizationUsage(t *testing.T, s *store.Store) {
	usage := func() webhook.OrganizationUsage {
		found, err := s.FindUsage(t.Context(), org, start)
		require.NoError(t, err)
		return found
	}
	assert.Equal(t, webhook.OrganizationUsage{}, usage())
	w := newWorld(t, s)
	elsewhere := webhook.NewEndpoint(other, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(t.Context(), elsewhere))
	keep(t, s, org, webhook.ScopeRead)
	keep(t, s, other, webhook.ScopeRead)
	expired, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead, ExpiresAt: start}, start)
	require.NoError(t, s.CreateAPIKey(t.Context(), expired))
	revoked := keep(t, s, org, webhook.ScopeRead)
	require.NoError(t, s.RevokeAPIKey(t.Context(), revoked.ID, false, start))
	_, waiting := w.publish()
	_, retrying := w.publish()
	w.attempt(retrying, 500)
	w.failed()
	assert.Equal(t, webhook.OrganizationUsage{Endpoints: 1, FailingEndpoints: 1, APIKeys: 1, Waiting: 2}, usage())
	w.attempt(waiting, 200)
	assert.Equal(t, webhook.OrganizationUsage{Endpoints: 1, APIKeys: 1, Waiting: 1}, usage())

	w.publish()
	for limit, want := range map[int]int{1: 1, 2: 2, 3: 2} {
		counted, err := s.CountWaitingOf(t.Context(), org, limit)
		require.NoError(t, err)
		assert.Equal(t, want, counted)
	}
}

func testOrganizationDeleteRestore(t *testing.T, s *store.Store) {
	_, err := s.DeleteOrganization(t.Context(), org, start, start)
	requireNotFound(t, err)
	change := webhook.OrganizationChange{Name: pointer("Acme"), Metadata: &map[string]string{"plan": "gold"}, Limits: webhook.OrganizationLimitsChange{MaxAPIKeys: pointer(3)}}
	before, err := s.PutOrganization(t.Context(), org, change, start)
	require.NoError(t, err)
	key := keep(t, s, org, webhook.ScopeReadWrite)

	deletedAt, eraseAfter := start.Add(time.Minute), start.Add(time.Hour)
	deleted, err := s.DeleteOrganization(t.Context(), org, deletedAt, eraseAfter)
	require.NoError(t, err)
	want := before
	want.DeletedAt, want.EraseAfter, want.UpdatedAt = deletedAt, eraseAfter, deletedAt
	assert.Equal(t, want, deleted)
	again, err := s.DeleteOrganization(t.Context(), org, deletedAt.Add(time.Minute), eraseAfter.Add(time.Minute))
	require.NoError(t, err)
	assert.Equal(t, want, again, "it is deleted already")
	identities, failures := s.FindIdentities(t.Context(), [][32]byte{key.KeyHash})
	require.NoError(t, failures[0])
	assert.Equal(t, deletedAt, identities[0].Organization.DeletedAt)
	late, _ := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: org, Name: "n", Scope: webhook.ScopeRead}, start)
	require.Error(t, s.CreateAPIKey(t.Context(), late), "the operator restores it first")

	restored, err := s.PutOrganization(t.Context(), org, webhook.OrganizationChange{}, eraseAfter.Add(-time.Microsecond))
	require.NoError(t, err)
	want = before
	want.UpdatedAt = eraseAfter.Add(-time.Microsecond)
	assert.Equal(t, want, restored)
	identities, _ = s.FindIdentities(t.Context(), [][32]byte{key.KeyHash})
	assert.Zero(t, identities[0].Organization.DeletedAt)

	_, err = s.DeleteOrganization(t.Context(), org, deletedAt, eraseAfter)
	require.NoError(t, err)
	_, err = s.PutOrganization(t.Context(), org, webhook.OrganizationChange{}, eraseAfter)
	require.ErrorIs(t, err, webhook.ErrOrganizationErasing)
	found, err := s.FindOrganization(t.Context(), org)
	require.NoError(t, err)
	assert.Equal(t, deletedAt, found.DeletedAt)
}

func testEventTypes(t *testing.T, s *store.Store) {
	sample := []byte(`{"b": 1.50, "a": null}`)
	change := webhook.EventTypeChange{Description: pointer("A run ended."), Sample: (*json.RawMessage)(&sample), Deprecated: pointer(true)}
	made, err := s.PutEventType(t.Context(), "run.finished", change, start)
	require.NoError(t, err)
	want := webhook.EventType{Name: "run.finished", Description: "A run ended.", Sample: sample, Deprecated: true, CreatedAt: start, UpdatedAt: start}
	assert.Equal(t, want, made)
	found, err := s.FindEventType(t.Context(), "run.finished")
	require.NoError(t, err)
	assert.Equal(t, want, found)

	later := start.Add(time.Hour)
	changed, err := s.PutEventType(t.Context(), "run.finished", webhook.EventTypeChange{Deprecated: pointer(false), Sample: new(json.RawMessage)}, later)
	require.NoError(t, err)
	want.Deprecated, want.Sample, want.UpdatedAt = false, nil, later
	assert.Equal(t, want, changed)

	for i := range 3 {
		_, err := s.PutEventType(t.Context(), fmt.Sprintf("a.%d", i), webhook.EventTypeChange{}, start)
		require.NoError(t, err)
	}
	list, err := s.ListEventTypes(t.Context(), webhook.Page{Limit: 3})
	require.NoError(t, err)
	var names []string
	for _, e := range list.Items {
		names = append(names, e.Name)
	}
	assert.Equal(t, []string{"a.0", "a.1", "a.2"}, names)
	assert.True(t, list.HasMore)
	rest, err := s.ListEventTypes(t.Context(), webhook.Page{Limit: 3, After: list.Next})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	assert.Equal(t, want, rest.Items[0])

	removed, err := s.DeleteEventType(t.Context(), "run.finished")
	require.NoError(t, err)
	assert.Equal(t, want, removed)
	_, err = s.DeleteEventType(t.Context(), "run.finished")
	requireNotFound(t, err)
	_, err = s.FindEventType(t.Context(), "run.finished")
	requireNotFound(t, err)
}

func testReservedTypes(t *testing.T, s *store.Store) {
	found, err := s.FindReserved(t.Context())
	require.NoError(t, err)
	assert.Equal(t, store.Reserved{}, found)
	for _, name := range []string{"redrive.b", "run.finished", "redrive.a", "redrive.b", webhook.EventTypeTest, "redriven.x", "my.redrive.x"} {
		event := webhook.NewEvent(org, webhook.EventSpec{Type: name, Data: []byte(`{}`)}, start)
		require.NoError(t, s.CreateEvent(t.Context(), event, nil))
	}
	var ids []string
	for _, types := range [][]string{{"run.*", "redrive.a"}, {"redrive.*"}, {"my.redrive.x"}, {}} {
		spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com", SubscribedEventTypes: types}
		endpoint := webhook.NewEndpoint(org, "", spec, "whsec_one", start)
		require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
		ids = append(ids, endpoint.ID)
	}
	found, err = s.FindReserved(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"redrive.a", "redrive.b"}, found.EventTypes)
	assert.ElementsMatch(t, ids[:2], found.Endpoints)
}
