package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// change makes a change of the world's endpoint.
func (w world) change(c webhook.EndpointChange) webhook.Endpoint {
	w.t.Helper()
	changed, err := w.store.ChangeEndpoint(w.ctx, org, w.endpoint.ID, c)
	require.NoError(w.t, err)
	return changed
}

// publishTest makes a test delivery to the world's endpoint.
func (w world) publishTest() webhook.Delivery {
	w.t.Helper()
	event := webhook.NewEvent(org, webhook.EventSpec{Type: webhook.EventTypeTest, Data: []byte(`{}`)}, start)
	delivery := webhook.NewTest(event, w.endpoint, start)
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, []webhook.Delivery{delivery}))
	return delivery
}

// due returns the IDs of the deliveries that are due and sent, and those that are read from the lane of the given one.
func (w world) due(d webhook.Delivery) (due, lane []string) {
	w.t.Helper()
	list, err := w.store.ListDue(w.ctx, start.Add(time.Hour), store.Due{}, 100)
	require.NoError(w.t, err)
	lanes, err := w.store.ReadLanes(w.ctx, []store.LaneCursor{{Lane: d.Lane()}}, 100)
	require.NoError(w.t, err)
	return dueIDs(list), dueIDs(lanes[0])
}

func testPausedIsPassedOver(t *testing.T, s *store.Store) {
	w, neighbour := newWorld(t, s), newWorld(t, s)
	_, first := w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	trial := w.publishTest()
	_, healthy := neighbour.publish()

	paused := w.change(webhook.Pausing("key_x", start))
	assert.Equal(t, start, paused.PausedAt)
	due, lane := w.due(first)
	assert.ElementsMatch(t, []string{healthy.ID, trial.ID}, due, "a test is sent all the same")
	assert.Empty(t, lane)
	_, lane = neighbour.due(healthy)
	assert.Equal(t, []string{healthy.ID}, lane)
	assert.Equal(t, retrying, w.find(retrying.ID).Delivery, "it keeps its schedule and its retries")

	loaded, errs := s.LoadEndpoints(w.ctx, []string{w.endpoint.ID, neighbour.endpoint.ID, "ep_none"})
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	requireNotFound(t, errs[2])
	assert.True(t, loaded[0].Holds(first))
	assert.False(t, loaded[1].Holds(first))
	assert.Len(t, loaded[0].SigningSecrets, 1, "it is enough to send")

	again := w.change(webhook.Pausing("key_x", start.Add(time.Hour)))
	assert.Equal(t, paused, again, "it is paused since the first time")

	w.change(webhook.Disabling("key_x", webhook.DisabledManually, start.Add(time.Hour)))
	due, lane = w.due(first)
	assert.Contains(t, due, first.ID, "disabled takes precedence: its deliveries end")
	assert.Contains(t, lane, first.ID)
	w.change(webhook.Enabling("key_x", start.Add(time.Hour)))

	resumed := w.change(webhook.Resuming("key_x", start.Add(2*time.Hour)))
	assert.True(t, resumed.PausedAt.IsZero())
	due, lane = w.due(first)
	assert.ElementsMatch(t, []string{healthy.ID, trial.ID, first.ID, retrying.ID}, due)
	assert.Equal(t, []string{first.ID, retrying.ID}, lane)
}

func testPausedTakesRetries(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	w.change(webhook.Pausing("key_x", start))
	record, err := s.RetryDelivery(w.ctx, org, failed.ID, start)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusPending, record.Delivery.Status)
}

func testDeletedOrganizationIsHeld(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, first := w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	trial := w.publishTest()
	foreign := webhook.NewEndpoint(other, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_one", start)
	require.NoError(t, s.CreateEndpoint(w.ctx, foreign))
	event := webhook.NewEvent(other, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, start)
	healthy := webhook.NewDelivery(event, foreign, start)
	require.NoError(t, s.CreateEvent(w.ctx, event, []webhook.Delivery{healthy}))
	deleted := func() (states []bool) {
		loaded, errs := s.LoadEndpoints(w.ctx, []string{w.endpoint.ID, foreign.ID})
		require.NoError(t, errors.Join(errs...))
		dispatch, err := s.LoadDispatch(w.ctx, first.ID)
		require.NoError(t, err)
		assert.Equal(t, loaded[0], dispatch.Endpoint)
		return []bool{loaded[0].OrganizationDeleted, loaded[1].OrganizationDeleted}
	}
	assert.Equal(t, []bool{false, false}, deleted(), "there is no row of an organization")
	put(t, s, org)
	put(t, s, other)
	assert.Equal(t, []bool{false, false}, deleted())

	_, err := s.DeleteOrganization(w.ctx, org, start, start.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []bool{true, false}, deleted())
	due, lane := w.due(first)
	assert.Equal(t, []string{healthy.ID}, due, "not even a test is sent")
	assert.Empty(t, lane)
	_, lane = w.due(healthy)
	assert.Equal(t, []string{healthy.ID}, lane)
	_, late := w.publish()
	due, lane = w.due(late)
	assert.Equal(t, []string{healthy.ID}, due, "a process with the endpoint in its cache has published")
	assert.Empty(t, lane)
	w.change(webhook.Disabling("key_x", webhook.DisabledManually, start))
	due, _ = w.due(first)
	assert.Equal(t, []string{healthy.ID}, due, "nothing ends either")
	w.change(webhook.Enabling("key_x", start))
	assert.Equal(t, retrying, w.find(retrying.ID).Delivery, "it keeps its schedule and its retries")

	put(t, s, org)
	assert.Equal(t, []bool{false, false}, deleted())
	due, lane = w.due(first)
	assert.ElementsMatch(t, []string{healthy.ID, trial.ID, first.ID, late.ID, retrying.ID}, due)
	assert.ElementsMatch(t, []string{first.ID, late.ID, retrying.ID}, lane)
}

func testDeletedIsGone(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, waiting := w.publish()
	failed := w.failed()
	deleted := w.change(webhook.Deleting("key_x", start.Add(time.Hour)))
	assert.False(t, deleted.DeletedAt.IsZero())

	_, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	requireNotFound(t, err)
	_, err = s.ChangeEndpoint(w.ctx, org, w.endpoint.ID, webhook.Resuming("key_x", start))
	requireNotFound(t, err)
	_, err = s.ReserveTest(w.ctx, org, w.endpoint.ID)
	requireNotFound(t, err)
	list, err := s.ListEndpoints(w.ctx, webhook.EndpointFilter{OrganizationID: org}, webhook.Page{Limit: 10})
	require.NoError(t, err)
	assert.Empty(t, list.Items)
	active, err := s.ListActiveEndpoints(w.ctx, org)
	require.NoError(t, err)
	assert.Empty(t, active)
	due, lane := w.due(waiting)
	assert.Empty(t, due)
	assert.Empty(t, lane)

	_, err = s.RetryDelivery(w.ctx, org, failed.ID, start)
	require.ErrorIs(t, err, webhook.ErrEndpointDeleted)
	ever, err := s.FindEndpointEver(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	deleted.Health = webhook.Health{} // it is shown in the answer alone
	assert.Equal(t, deleted, ever)
	_, err = s.FindEndpointEver(w.ctx, other, w.endpoint.ID)
	requireNotFound(t, err)
}

func testEndDeleted(t *testing.T, s *store.Store) {
	w, neighbour := newWorld(t, s), newWorld(t, s)
	var waiting []webhook.Delivery
	for range 5 {
		_, d := w.publish()
		waiting = append(waiting, d)
	}
	waiting[4], _ = w.attempt(waiting[4], 500)
	inFlight := w.decide(waiting[3], 200)
	_, success := w.publish()
	success, _ = w.attempt(success, 200)
	_, healthy := neighbour.publish()
	w.change(webhook.Pausing("key_x", start))
	now := start.Add(time.Hour)
	ended, err := s.EndDeleted(w.ctx, time.Time{}, now, 10)
	require.NoError(t, err)
	assert.Zero(t, ended, "paused is not deleted")

	deleted := w.change(webhook.Deleting("key_x", now))
	ended, err = s.EndDeleted(w.ctx, deleted.DeletedAt.Add(time.Second), now, 10)
	require.NoError(t, err)
	assert.Zero(t, ended, "it was deleted before that time")
	for _, want := range []int64{2, 2, 1, 0} {
		ended, err := s.EndDeleted(w.ctx, deleted.DeletedAt, now, 2)
		require.NoError(t, err)
		assert.Equal(t, want, ended)
	}
	for _, d := range waiting {
		want, err := d.Failed(webhook.FailureEndpointDeleted, now)
		require.NoError(t, err)
		assert.Equal(t, want, w.find(d.ID).Delivery, "the statement does what the domain says")
	}
	assert.Equal(t, success, w.find(success.ID).Delivery)
	assert.Equal(t, healthy, w.find(healthy.ID).Delivery)

	current, err := w.record(w.ctx, inFlight)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusFailure, current.Status, "an attempt in flight is superseded")
	attempts := ListAttempts(t, s, org, waiting[3].ID, webhook.Page{Limit: 10}).Items
	require.Len(t, attempts, 1)
	assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
}

func testEndDeletedConcurrent(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	const count = 60
	for range count {
		w.publish()
	}
	w.change(webhook.Deleting("key_x", start))
	var mutex sync.Mutex
	var total int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range count {
				ended, err := s.EndDeleted(w.ctx, time.Time{}, start, 7)
				assert.NoError(t, err)
				mutex.Lock()
				total += ended
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, count, total, "each once")
}

func testTestDelivery(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	trial := w.publishTest()
	assert.Equal(t, trial, w.find(trial.ID).Delivery)
	assert.True(t, trial.Test)
	loaded, err := s.LoadDispatch(w.ctx, trial.ID)
	require.NoError(t, err)
	assert.True(t, loaded.Delivery.Test)
	due, err := s.ListDue(w.ctx, start.Add(time.Hour), store.Due{}, 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
	assert.True(t, due[0].Test)

	status, err := s.FindStatus(w.ctx, org, trial.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusPending, status)
	gone, _ := w.attempt(trial, 410)
	assert.Equal(t, webhook.StatusFailure, gone.Status, "without retries")
	status, err = s.FindStatus(w.ctx, org, trial.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusFailure, status)
	_, err = s.FindStatus(w.ctx, other, trial.ID)
	requireNotFound(t, err)
	endpoint, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointActive, endpoint.Status, "410 to a test disables nothing")

	replay := gone.Replayed(webhook.Event{ID: trial.EventID, OrganizationID: org}, w.endpoint, start)
	require.NoError(t, s.CreateDelivery(w.ctx, replay))
	assert.True(t, w.find(replay.ID).Delivery.Test)
}

func testReserveTest(t *testing.T, s *store.Store) {
	w, neighbour := newWorld(t, s), newWorld(t, s)
	var mutex sync.Mutex
	granted := 0
	began := time.Now()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			endpoint, err := s.ReserveTest(w.ctx, org, w.endpoint.ID)
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				granted++
				assert.Equal(t, w.endpoint.ID, endpoint.ID)
				return
			}
			assert.Equal(t, webhook.CodeRateLimited, webhook.CodeOf(err))
		})
	}
	group.Wait()
	assert.LessOrEqual(t, granted, 1+int(time.Since(began)/webhook.TestInterval))
	assert.Positive(t, granted)
	_, err := s.ReserveTest(w.ctx, org, neighbour.endpoint.ID)
	require.NoError(t, err, "each endpoint has its own second")
	_, err = s.ReserveTest(w.ctx, other, w.endpoint.ID)
	requireNotFound(t, err)
	found, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, w.endpoint.UpdatedAt, found.UpdatedAt, "a test does not change the endpoint")

	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		if _, err = s.ReserveTest(w.ctx, org, w.endpoint.ID); err == nil {
			return
		}
		select {
		case <-limit.C:
			t.Fatal("no test within a minute")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func testPurgeEndpoints(t *testing.T, s *store.Store) {
	empty, used, kept := newWorld(t, s), newWorld(t, s), newWorld(t, s)
	_, last := used.publish()
	at := start.Add(time.Hour)
	for _, w := range []world{empty, used} {
		w.change(webhook.Deleting("key_x", at))
	}
	exists := func(w world) bool {
		_, err := s.FindEndpointEver(w.ctx, org, w.endpoint.ID)
		if err != nil {
			requireNotFound(t, err)
		}
		return err == nil
	}
	purge := func(before time.Time) int64 {
		purged, err := s.PurgeEndpoints(t.Context(), before, "", 10)
		require.NoError(t, err)
		return purged.Endpoints
	}
	assert.Zero(t, purge(at), "deleted too lately")
	assert.EqualValues(t, 1, purge(at.Add(time.Hour)))
	assert.False(t, exists(empty))
	assert.True(t, exists(used), "it has a delivery")
	assert.True(t, exists(kept), "it was not deleted")
	assert.Empty(t, changesOf(t, s, empty.endpoint.ID), "its changes go with it")
	assert.Len(t, changesOf(t, s, used.endpoint.ID), 2)

	_, err := s.EndDeleted(t.Context(), time.Time{}, at, 10)
	require.NoError(t, err)
	purged, err := s.PurgeDeliveries(t.Context(), at.Add(time.Hour), "", 10)
	require.NoError(t, err)
	assert.EqualValues(t, 1, purged.Deliveries)
	assert.True(t, used.gone(last.ID))
	assert.EqualValues(t, 1, purge(at.Add(time.Hour)))
	assert.False(t, exists(used))
}

func changesOf(t *testing.T, s *store.Store, endpointID string) []webhook.EndpointChanged {
	t.Helper()
	list, err := s.ListEndpointChanges(t.Context(), webhook.ChangeFilter{OrganizationID: org, EndpointID: endpointID}, webhook.Page{Limit: 10})
	require.NoError(t, err)
	return list.Items
}
