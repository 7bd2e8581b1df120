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
