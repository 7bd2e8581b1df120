package storetest

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// missed publishes events without a delivery.
func (w world) missed(types ...string) (events []webhook.Event) {
	w.t.Helper()
	for _, name := range types {
		event := webhook.NewEvent(org, webhook.EventSpec{Type: name, Data: json.RawMessage(`{}`)}, start)
		require.NoError(w.t, w.store.CreateEvent(w.ctx, event, nil))
		events = append(events, event)
	}
	return events
}

// everything is a filter that selects all events of the tests.
var everything = map[string]string{"from": webhook.FormatTime(start.Add(-time.Hour))}

func testBulkDeliver(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	subscribed := w.to("subscribed")
	subscribed.subscribe("run.finished", "order.*", "redrive.delivery.*")
	events := w.missed("run.finished", "run.other", "order.a.b", "orders.a", "ORDER.a", "redrive.delivery.exhausted", "redrive.endpoint.failing")
	had, _ := subscribed.publish()
	tried := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, start)
	test := webhook.NewTest(tried, w.endpoint, start) // is for its endpoint only
	require.NoError(t, s.CreateEvent(w.ctx, tried, []webhook.Delivery{test}))
	spec := webhook.BulkSpec{Action: webhook.BulkDeliver, Filter: everything, EndpointID: subscribed.endpoint.ID}
	plan := w.plan(spec)
	assert.EqualValues(t, 4, plan.Total)
	assert.True(t, plan.Exact)
	job := w.bulk(spec)
	made := w.work()
	var got []string
	for _, d := range made {
		got = append(got, d.EventID)
		assert.Equal(t, w.find(d.ID).Delivery, d)
		assert.Equal(t, subscribed.endpoint.ID, d.EndpointID)
		assert.Equal(t, webhook.PriorityBulk, d.Priority)
		assert.Equal(t, job.ID, d.BulkJobID)
	}
	want := []string{events[0].ID, events[2].ID, events[5].ID}
	slices.Sort(want)
	assert.Equal(t, want, got, "the types that the endpoint subscribes to")
	ended := w.ended(job.ID)
	assert.EqualValues(t, 4, ended.Total)
	assert.Equal(t, map[string]int64{"has_delivery": 1}, ended.Skipped)
	assert.NotContains(t, got, had.ID)
	fan, err := s.FindFanOut(w.ctx, org, test.EventID)
	require.NoError(t, err)
	assert.Empty(t, fan.Without, "no endpoint missed a test")

	again := w.bulk(spec)
	assert.Empty(t, w.work())
	assert.Equal(t, map[string]int64{"has_delivery": 4}, w.ended(again.ID).Skipped)

	all := w.bulk(webhook.BulkSpec{Action: webhook.BulkDeliver, Filter: everything, EndpointID: w.endpoint.ID})
	assert.Len(t, w.work(), 6, "an endpoint without subscriptions takes all but operational events")
	assert.EqualValues(t, 6, w.ended(all.ID).Applied)
}

// subscribe sets the event types of the world's endpoint.
func (w world) subscribe(types ...string) {
	w.t.Helper()
	_, err := w.store.ChangeEndpoint(w.ctx, org, w.endpoint.ID, webhook.EndpointChange{
		Kind: webhook.ChangeUpdated, By: "key_x", At: start, Apply: func(e *webhook.Endpoint) error {
			e.SubscribedEventTypes = types
			return nil
		},
	})
	require.NoError(w.t, err)
}

// Several jobs at once make one delivery for each event.
func testBulkDeliverConcurrent(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	events := w.missed(slices.Repeat([]string{"run.finished"}, 60)...)
	var jobs []webhook.BulkJob
	for range 4 {
		jobs = append(jobs, w.bulk(webhook.BulkSpec{Action: webhook.BulkDeliver, Filter: everything, EndpointID: w.endpoint.ID}))
	}
	made := w.workTogether(4)
	counts := map[string]int{}
	for _, d := range made {
		counts[d.EventID]++
	}
	assert.Len(t, counts, len(events))
	for id, n := range counts {
		assert.Equal(t, 1, n, id)
	}
	applied := int64(0)
	for _, job := range jobs {
		ended := w.ended(job.ID)
		assert.EqualValues(t, len(events), ended.Total)
		applied += ended.Applied
	}
	assert.EqualValues(t, len(events), applied)
}

func testBulkDeliverSkips(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.missed("run.finished", "run.finished")
	spec := webhook.BulkSpec{Action: webhook.BulkDeliver, Filter: everything, EndpointID: w.endpoint.ID}
	_, err := SetStatus(w.ctx, s, org, w.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	disabled := w.bulk(spec)
	assert.Empty(t, w.work())
	assert.Equal(t, map[string]int64{"endpoint_disabled": 2}, w.ended(disabled.ID).Skipped)
	_, err = s.ChangeEndpoint(w.ctx, org, w.endpoint.ID, webhook.Deleting("key_x", start))
	require.NoError(t, err)
	deleted := w.bulk(spec)
	assert.Empty(t, w.work())
	assert.Equal(t, map[string]int64{"endpoint_deleted": 2}, w.ended(deleted.ID).Skipped)

	spec.OrganizationID, spec.EndpointID = org, webhook.NewID(webhook.KindEndpoint, start)
	_, err = s.CreateBulkJob(w.ctx, spec)
	requireNotFound(t, err)
	_, err = s.PlanBulkJob(w.ctx, spec)
	requireNotFound(t, err)
}
