package storetest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// searchWorld has events with several deliveries in all states.
type searchWorld struct {
	world
	endpoints []webhook.Endpoint
	random    *rand.Rand
	ids       []string // of all deliveries
}

const searchedEventCount = 120

func newSearchWorld(t *testing.T, s *store.Store) *searchWorld {
	t.Helper()
	w := &searchWorld{world: newWorld(t, s), random: rand.New(rand.NewPCG(1, 2))}
	for i := range 3 {
		e := webhook.NewEndpoint(org, "", webhook.EndpointSpec{Name: fmt.Sprint(i), URL: "https://example.com"}, "whsec_a", start)
		require.NoError(t, s.CreateEndpoint(t.Context(), e))
		w.endpoints = append(w.endpoints, e)
	}
	for i := range searchedEventCount {
		w.add(org, i)
	}
	for i := range 5 {
		w.add(other, i)
	}
	return w
}

// add publishes an event to all endpoints and gives each delivery a state.
func (w *searchWorld) add(organization string, i int) {
	w.t.Helper()
	at := start.Add(time.Duration(i) * time.Second)
	event := webhook.NewEvent(organization, webhook.EventSpec{
		Type: fmt.Sprintf("run.t%d", i%3), WorkflowID: fmt.Sprintf("wf_%d", i%5), RunID: fmt.Sprintf("run_%d", i%20),
		ExecutionID: []string{"", fmt.Sprintf("exec_%d", i)}[i%2], Data: json.RawMessage(`{"n":1}`),
	}, at)
	var deliveries []webhook.Delivery
	for _, e := range w.endpoints {
		d := webhook.NewDelivery(event, e, at)
		d.MaxRetries = w.random.IntN(2)
		deliveries = append(deliveries, d)
	}
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, deliveries))
	for _, d := range deliveries {
		w.move(d)
		if organization == org {
			w.ids = append(w.ids, d.ID)
		}
	}
	if i%7 == 0 && organization == org {
		old := w.find(deliveries[0].ID)
		replay := old.Delivery.Replayed(old.Event, w.endpoints[0], start.Add(time.Duration(searchedEventCount+i)*time.Second))
		require.NoError(w.t, w.store.CreateDelivery(w.ctx, replay))
		w.ids = append(w.ids, replay.ID)
	}
}

// move gives a waiting delivery another state, or none.
func (w *searchWorld) move(d webhook.Delivery) {
	w.t.Helper()
	results := []webhook.Result{
		{ResponseStatus: 200},
		{ResponseStatus: 204},
		{ResponseStatus: 503},
		{ResponseStatus: 500},
		{ResponseStatus: 410},
		{Failure: "no answer", ErrorCode: webhook.ErrorTimeout},
		{Failure: "refused", ErrorCode: webhook.ErrorConnectionRefused},
	}
	choice := w.random.IntN(len(results) + 3)
	if choice < len(results) {
		result := results[choice]
		result.StartedAt = d.CreatedAt
		outcome, err := webhook.Policy{}.Decide(d, result, d.CreatedAt)
		require.NoError(w.t, err)
		outcome.DisableEndpoint = false
		_, err = w.store.RecordOutcome(w.ctx, outcome)
		require.NoError(w.t, err)
		return
	}
	if choice == len(results) {
		_, err := w.store.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: d.OrganizationID, DeliveryID: d.ID, At: d.CreatedAt})
		require.NoError(w.t, err)
	}
}

// records returns all deliveries, newest first.
func (w *searchWorld) records() []webhook.Record {
	w.t.Helper()
	records, err := w.store.ReadDeliveries(w.ctx, org, w.ids)
	require.NoError(w.t, err)
	require.Len(w.t, records, len(w.ids))
	return records
}

// matches is the filter in its simplest form.
func matches(f webhook.DeliveryFilter, r webhook.Record) bool {
	d, e, status, code := r.Delivery, r.Event, 0, webhook.ErrorCode("")
	if r.LastAttempt != nil {
		status, code = r.LastAttempt.ResponseStatus, r.LastAttempt.ErrorCode
	}
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	return d.OrganizationID == f.OrganizationID && is(f.EndpointID, d.EndpointID) && is(f.EventID, d.EventID) && is(f.EventType, e.Type) &&
		is(f.WorkflowID, e.WorkflowID) && is(f.RunID, e.RunID) && is(f.ExecutionID, e.ExecutionID) &&
		is(string(f.FailureReason), string(r.RecordedReason())) && is(string(f.ErrorCode), string(code)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, d.Status)) &&
		(f.ResponseStatus == webhook.StatusRange{} || f.ResponseStatus.Includes(status)) &&
		(f.From.IsZero() || !d.CreatedAt.Before(f.From)) && (f.To.IsZero() || d.CreatedAt.Before(f.To))
}

// filter returns a filter of some random conditions.
func (w *searchWorld) filter() webhook.DeliveryFilter {
	like := w.find(w.ids[w.random.IntN(len(w.ids))])
	f := webhook.DeliveryFilter{OrganizationID: org}
	for range 1 + w.random.IntN(3) {
		switch w.random.IntN(12) {
		case 0:
			f.EndpointID = like.Delivery.EndpointID
		case 1:
			f.EventID = like.Delivery.EventID
		case 2:
			f.Statuses = []webhook.Status{like.Delivery.Status}
		case 3:
			f.Statuses = []webhook.Status{webhook.StatusFailure, webhook.StatusRetrying}
		case 4:
			f.FailureReason = webhook.FailureReasons[w.random.IntN(len(webhook.FailureReasons))]
		case 5:
			f.ErrorCode = webhook.ErrorCodes[w.random.IntN(len(webhook.ErrorCodes))]
		case 6:
			f.ResponseStatus = []webhook.StatusRange{{Low: 503, High: 503}, {Low: 500, High: 599}, {Low: 200, High: 299}}[w.random.IntN(3)]
		case 7:
			f.EventType = like.Event.Type
		case 8:
			f.WorkflowID = like.Event.WorkflowID
		case 9:
			f.RunID = like.Event.RunID
		case 10:
			f.ExecutionID = like.Event.ExecutionID
		case 11:
			f.From, f.To = like.Delivery.CreatedAt.Add(-20*time.Second), like.Delivery.CreatedAt.Add(20*time.Second)
		}
	}
	return f
}

// search walks the pages of a filter.
func (w *searchWorld) search(f webhook.DeliveryFilter, limit int, between func()) []string {
	w.t.Helper()
	var found []string
	for page := (webhook.Page{Limit: limit}); ; between() {
		list, err := w.store.PageDeliveries(w.ctx, f, page)
		require.NoError(w.t, err)
		require.LessOrEqual(w.t, len(list.Items), limit)
		found = append(found, idsOf(list.Items)...)
		if !list.HasMore {
			return found
		}
		page.After = list.Next
	}
}

// testSearchEqualsNaiveFilter compares random filters with the same filters in Go.
func testSearchEqualsNaiveFilter(t *testing.T, s *store.Store) {
	w := newSearchWorld(t, s)
	records := w.records()
	some := 0
	for range 200 / walkShare {
		f := w.filter()
		var want []string
		for _, r := range records {
			if matches(f, r) {
				want = append(want, r.Delivery.ID)
			}
		}
		some += min(len(want), 1)
		require.Equal(t, want, w.search(f, 1+w.random.IntN(50), func() {}), "%+v", f)
		list, err := s.PageDeliveries(w.ctx, f, webhook.Page{Limit: 3, Offset: 2})
		require.NoError(t, err)
		require.ElementsMatch(t, want[min(2, len(want)):min(5, len(want))], idsOf(list.Items), "%+v", f)
		require.Equal(t, len(want) > 5, list.HasMore, "%+v", f)
	}
	assert.Greater(t, some, 100/walkShare, "most filters match something")
}

// testSearchWhileRowsChange changes states between the pages. What matches throughout the walk is found once, and nothing twice.
func testSearchWhileRowsChange(t *testing.T, s *store.Store) {
	w := newSearchWorld(t, s)
	for range 4 / walkShare {
		f := w.filter()
		before := w.records()
		i := searchedEventCount
		found := w.search(f, 5, func() {
			i++
			w.add(org, i)
			for range 3 {
				if r := w.find(w.ids[w.random.IntN(len(w.ids))]); r.Delivery.Status.Waiting() {
					w.move(r.Delivery)
				}
			}
		})
		seen := map[string]bool{}
		for _, id := range found {
			require.False(t, seen[id], "%s was found twice by %+v", id, f)
			seen[id] = true
		}
		for _, r := range before {
			if matches(f, r) && matches(f, w.find(r.Delivery.ID)) {
				assert.True(t, seen[r.Delivery.ID], "%s was not found by %+v", r.Delivery.ID, f)
			}
		}
	}
}

func testSearchEvents(t *testing.T, s *store.Store) {
	w := newSearchWorld(t, s)
	var events []webhook.Event
	for _, r := range w.records() {
		events = append(events, r.Event)
	}
	slices.SortFunc(events, func(a, b webhook.Event) int { return -compareIDs(a.ID, b.ID) })
	events = slices.CompactFunc(events, func(a, b webhook.Event) bool { return a.ID == b.ID })
	for range 60 / walkShare {
		d := w.filter()
		f := webhook.EventFilter{OrganizationID: org, Type: d.EventType, WorkflowID: d.WorkflowID, RunID: d.RunID, ExecutionID: d.ExecutionID, From: d.From, To: d.To}
		var want, found []string
		for _, e := range events {
			same := webhook.DeliveryFilter{OrganizationID: org, EventType: f.Type, WorkflowID: f.WorkflowID, RunID: f.RunID, ExecutionID: f.ExecutionID, From: f.From, To: f.To}
			if matches(same, webhook.Record{Event: e, Delivery: webhook.Delivery{OrganizationID: org, CreatedAt: e.CreatedAt}}) {
				want = append(want, e.ID)
			}
		}
		for page := (webhook.Page{Limit: 7}); ; {
			list, err := s.PageEvents(w.ctx, f, page)
			require.NoError(t, err)
			for _, id := range idsOf(list.Items) {
				if slices.ContainsFunc(events, func(e webhook.Event) bool { return e.ID == id }) { // operational events have no delivery
					found = append(found, id)
				}
			}
			if !list.HasMore {
				break
			}
			page.After = list.Next
		}
		require.Equal(t, want, found, "%+v", f)
	}
	foreign, err := s.PageEvents(w.ctx, webhook.EventFilter{OrganizationID: other, ExecutionID: events[0].ExecutionID}, firstPage)
	require.NoError(t, err)
	assert.Empty(t, foreign.Items)
	read, err := s.ReadEventsWithoutBodies(w.ctx, org, []string{events[0].ID})
	require.NoError(t, err)
	assert.Empty(t, read[0].Data)
	_, err = s.FindEvent(w.ctx, other, events[0].ID)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
}

func compareIDs(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func testCancel(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, loaded := w.publish()
	cancellation := webhook.Cancellation{OrganizationID: org, DeliveryID: loaded.ID, At: webhook.Now()}
	foreign := cancellation
	foreign.OrganizationID = other
	_, err := s.CancelDelivery(w.ctx, foreign)
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))

	late := w.decide(loaded, 200) // a worker is sending
	cancelled, err := s.CancelDelivery(w.ctx, cancellation)
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusFailure, cancelled.Delivery.Status)
	assert.Equal(t, webhook.FailureCancelled, cancelled.RecordedReason())
	assert.True(t, cancelled.Delivery.NextRetryAt.IsZero())
	current, err := s.RecordOutcome(w.ctx, late)
	require.NoError(t, err)
	assert.Equal(t, cancelled.Delivery, current, "the cancel was recorded first")
	attempts := w.attempts(loaded.ID)
	require.Len(t, attempts, 1)
	assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
	assert.Equal(t, 200, attempts[0].ResponseStatus)

	_, err = s.CancelDelivery(w.ctx, cancellation)
	require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting)
	retried, err := s.RetryDelivery(w.ctx, org, loaded.ID, webhook.Now())
	require.NoError(t, err)
	assert.Equal(t, webhook.StatusPending, retried.Delivery.Status)
	assert.Empty(t, retried.Delivery.FailureReason)

	_, sent := w.publish()
	w.attempt(sent, 200)
	cancellation.DeliveryID = sent.ID
	_, err = s.CancelDelivery(w.ctx, cancellation)
	require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting, "the outcome was recorded first")
	assert.Equal(t, webhook.StatusSuccess, w.find(sent.ID).Delivery.Status)
}

// testCancelRace lets a cancel and an outcome of the same delivery meet. One of them wins, and the record shows both.
func testCancelRace(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	for range 20 {
		_, loaded := w.publish()
		outcome := w.decide(loaded, 200)
		recorded := make(chan error, 1)
		go func() {
			_, err := s.RecordOutcome(w.ctx, outcome)
			recorded <- err
		}()
		_, err := s.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: org, DeliveryID: loaded.ID, At: webhook.Now()})
		require.NoError(t, <-recorded)
		attempts := w.attempts(loaded.ID)
		require.Len(t, attempts, 1)
		if record := w.find(loaded.ID); err == nil {
			assert.Equal(t, webhook.FailureCancelled, record.Delivery.FailureReason)
			assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
		} else {
			require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting)
			assert.Equal(t, webhook.StatusSuccess, record.Delivery.Status)
			assert.Equal(t, webhook.AttemptSuccess, attempts[0].Outcome)
		}
	}
}

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
