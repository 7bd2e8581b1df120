package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// endpointOf makes an endpoint of an organization.
func endpointOf(t *testing.T, s *store.Store, organizationID string) webhook.Endpoint {
	t.Helper()
	spec := webhook.EndpointSpec{Name: "of " + organizationID, URL: "https://example.com/" + organizationID}
	endpoint := webhook.NewEndpoint(organizationID, "key_x", spec, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	return endpoint
}

// waitingAt makes a delivery that is due at a time.
func waitingAt(t *testing.T, s *store.Store, endpoint webhook.Endpoint, due time.Time) webhook.Delivery {
	t.Helper()
	event := webhook.NewEvent(endpoint.OrganizationID, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, due)
	delivery := webhook.NewDelivery(event, endpoint, due)
	require.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	return delivery
}

// named gives an organization a name.
func named(t *testing.T, s *store.Store, id, name string) {
	t.Helper()
	_, err := s.PutOrganization(t.Context(), id, webhook.OrganizationChange{Name: &name}, start)
	require.NoError(t, err)
}

func testLoads(t *testing.T, s *store.Store) {
	loads := func(now time.Time, limit int) ([]webhook.OrganizationLoad, bool) {
		found, more, err := s.ListLoads(t.Context(), now, limit)
		require.NoError(t, err)
		return found, more
	}
	none, more := loads(start, 20)
	assert.Empty(t, none)
	assert.False(t, more)

	w, second := newWorld(t, s), newWorld(t, s)
	named(t, s, org, "First")
	w.publish()
	_, retrying := w.publish()
	w.attempt(retrying, 500)
	w.publishTest()
	w.failed()
	_, ended := second.publish()
	second.attempt(ended, 200)
	waitingAt(t, s, second.endpoint, start.Add(-time.Hour))
	waitingAt(t, s, endpointOf(t, s, other), start.Add(-2*time.Hour))
	paused := endpointOf(t, s, "org_paused")
	waitingAt(t, s, paused, start.Add(-3*time.Hour))
	_, err := s.ChangeEndpoint(t.Context(), paused.OrganizationID, paused.ID, webhook.Pausing("key_x", start))
	require.NoError(t, err)
	deleted := endpointOf(t, s, "org_deleted")
	named(t, s, "org_deleted", "Last")
	waitingAt(t, s, deleted, start.Add(-4*time.Hour))
	_, err = s.DeleteOrganization(t.Context(), "org_deleted", start, start.Add(time.Hour))
	require.NoError(t, err)
	for {
		merged, err := s.MergeStatistics(t.Context(), store.DeltaPosition{}, 1000)
		require.NoError(t, err)
		if merged.Deltas == 0 {
			break
		}
	}

	want := []webhook.OrganizationLoad{
		{ID: org, Name: "First", Waiting: 4, OldestDueAt: start.Add(-time.Hour), FailedLastHour: 1, FailingEndpoints: 1},
		{ID: other, Name: other, Waiting: 1, OldestDueAt: start.Add(-2 * time.Hour)},
		{ID: "org_deleted", Name: "Last", Waiting: 1}, // nothing of it is sent
		{ID: "org_paused", Name: "org_paused", Waiting: 1},
	}
	found, more := loads(start, 4)
	assert.Equal(t, want, found)
	assert.False(t, more)
	found, more = loads(start, 2)
	assert.Equal(t, want[:2], found)
	assert.True(t, more)
	found, _ = loads(start.Add(time.Hour), 1)
	assert.EqualValues(t, 1, found[0].FailedLastHour, "in the hour before")
	found, _ = loads(start.Add(2*time.Hour), 1)
	assert.Zero(t, found[0].FailedLastHour)
}

func testFailingEndpoints(t *testing.T, s *store.Store) {
	list := func(since time.Time, limit int) ([]webhook.FailingEndpoint, bool) {
		found, more, err := s.ListFailingEndpoints(t.Context(), since, limit)
		require.NoError(t, err)
		return found, more
	}
	none, more := list(time.Time{}, 10)
	assert.Empty(t, none)
	assert.False(t, more)

	named(t, s, org, "First")
	at := start.Add(time.Minute)
	first, latest, healthy, deleted, manual, gone, lost := newWorld(t, s), newWorld(t, s), newWorld(t, s), newWorld(t, s), newWorld(t, s), newWorld(t, s), newWorld(t, s)
	first.answer(500, at)
	first.answer(503, at.Add(time.Hour))
	latest.answer(404, at.Add(time.Second))
	healthy.answer(200, at)
	for _, w := range []world{deleted, manual, lost} {
		w.answer(500, at.Add(time.Minute))
	}
	deleted.change(webhook.Deleting("key_x", at))
	manual.change(webhook.Disabling("key_x", webhook.DisabledManually, at))
	gone.answer(410, at.Add(2*time.Hour))
	lost.change(webhook.Disabling("system", webhook.DisabledFailing, at.Add(3*time.Hour)))

	want := func(w world, code webhook.ErrorCode) webhook.FailingEndpoint {
		current, err := s.FindEndpoint(t.Context(), org, w.endpoint.ID)
		require.NoError(t, err)
		return webhook.FailingEndpoint{
			OrganizationID: org, OrganizationName: "First", EndpointID: current.ID, Name: current.Name, URL: current.URL, Health: current.Health,
			LastErrorCode: code, DisabledReason: current.DisabledReason, DisabledAt: current.DisabledAt,
		}
	}
	all := []webhook.FailingEndpoint{
		want(latest, webhook.ErrorHTTPStatus), want(first, webhook.ErrorHTTPStatus), want(lost, webhook.ErrorHTTPStatus), want(gone, webhook.ErrorHTTPStatus),
	}
	found, more := list(start, 2)
	assert.Equal(t, all, found, "the latest to begin first, then the latest disabled")
	assert.False(t, more)
	assert.Equal(t, webhook.DisabledGone, found[3].DisabledReason)
	assert.EqualValues(t, 2, found[1].Health.ConsecutiveFailures)
	assert.Equal(t, "the receiver answered 503 Service Unavailable", found[1].Health.LastError)

	found, more = list(start, 1)
	assert.Equal(t, []webhook.FailingEndpoint{all[0], all[2]}, found)
	assert.True(t, more)
	found, _ = list(all[2].DisabledAt, 2)
	assert.Equal(t, all[:3], found, "the other was disabled earlier")
}

// testFailingEndpointsUnknownCode has no attempt with the last error among the latest deliveries.
func testFailingEndpointsUnknownCode(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.answer(500, start.Add(time.Minute))
	for range 20 {
		w.publish()
	}
	found, _, err := s.ListFailingEndpoints(t.Context(), start, 10)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Empty(t, found[0].LastErrorCode)
	assert.Equal(t, org, found[0].OrganizationName, "there is no row of the organization")
}

func testRunningJobs(t *testing.T, s *store.Store) {
	none, more, err := s.ListRunningJobs(t.Context(), 10)
	require.NoError(t, err)
	assert.Empty(t, none)
	assert.False(t, more)
	create := func(organizationID string) webhook.BulkJob {
		spec := webhook.BulkSpec{OrganizationID: organizationID, Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, CreatedBy: "key_x"}
		job, err := s.CreateBulkJob(t.Context(), spec)
		require.NoError(t, err)
		return job
	}
	first, ended, latest := create(org), create(org), create(other)
	_, err = s.CancelBulkJob(t.Context(), org, ended.ID)
	require.NoError(t, err)
	jobs, more, err := s.ListRunningJobs(t.Context(), 2)
	require.NoError(t, err)
	assert.ElementsMatch(t, []webhook.BulkJob{first, latest}, jobs)
	assert.False(t, more)
	jobs, more, err = s.ListRunningJobs(t.Context(), 1)
	require.NoError(t, err)
	assert.Len(t, jobs, 1)
	assert.True(t, more)
}

func testNames(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	foreign := endpointOf(t, s, other)
	named(t, s, org, "First")
	w.change(webhook.Deleting("key_x", start))
	endpoints, err := s.FindEndpointNames(t.Context(), []string{w.endpoint.ID, foreign.ID, "ep_none"})
	require.NoError(t, err)
	assert.Equal(t, map[string]webhook.EndpointName{
		w.endpoint.ID: {ID: w.endpoint.ID, OrganizationID: org, Name: "billing"},
		foreign.ID:    {ID: foreign.ID, OrganizationID: other, Name: "of " + other},
	}, endpoints)
	organizations, err := s.FindOrganizationNames(t.Context(), []string{org, other, "org_none"})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{org: "First"}, organizations)
}
