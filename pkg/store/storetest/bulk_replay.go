package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testBulkReplay(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	_, pending := w.publish()
	disabled := w.to("disabled")
	_ = disabled.failed()
	_, err := SetStatus(w.ctx, s, org, disabled.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	spec := webhook.BulkSpec{Action: webhook.BulkReplay, Filter: map[string]string{"eventType": "run.finished"}}
	job := w.bulk(spec)
	made := w.work()
	require.Len(t, made, 2)
	for i, old := range byID(failed, pending) {
		d := w.find(made[i].ID).Delivery
		assert.Equal(t, made[i], d)
		assert.Equal(t, old.ID, d.ReplayOf)
		assert.Equal(t, old.EventID, d.EventID)
		assert.Equal(t, webhook.PriorityBulk, d.Priority)
		assert.Equal(t, job.ID, d.BulkJobID)
		assert.Equal(t, webhook.StatusPending, d.Status)
		assert.Equal(t, old.ID, w.find(old.ID).Delivery.ID)
		assert.Empty(t, w.find(old.ID).Delivery.BulkJobID)
	}
	ended := w.ended(job.ID)
	assert.EqualValues(t, 3, ended.Total, "its own replays do not join")
	assert.Equal(t, map[string]int64{"endpoint_disabled": 1}, ended.Skipped)

	older, newer := w.bulk(spec), w.bulk(spec)
	assert.Len(t, w.work(), 8, "four deliveries that can be replayed, by two jobs: neither takes what the other makes")
	assert.EqualValues(t, 5, w.ended(older.ID).Total)
	assert.EqualValues(t, 5, w.ended(newer.ID).Total)
}

func testBulkCancel(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, pending := w.publish()
	_, retrying := w.publish()
	retrying, _ = w.attempt(retrying, 500)
	failed := w.failed()
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkCancel, Filter: map[string]string{"endpointId": w.endpoint.ID}})
	_, later := w.publishNow()
	assert.Empty(t, w.work())
	for _, before := range []webhook.Delivery{pending, retrying} {
		d := w.find(before.ID).Delivery
		assert.Equal(t, webhook.StatusFailure, d.Status)
		assert.Equal(t, webhook.FailureCancelled, d.FailureReason)
		assert.Equal(t, job.ID, d.BulkJobID)
		assert.Equal(t, before.Revision+1, d.Revision)
	}
	assert.Equal(t, failed, w.find(failed.ID).Delivery)
	assert.Equal(t, webhook.StatusPending, w.find(later.ID).Delivery.Status, "created after the job")
	assert.EqualValues(t, 2, w.ended(job.ID).Applied)
}

// What a job makes and ends counts in the statistics, as by the single calls.
func testBulkStatistics(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.publish()
	w.publish()
	replayed := w.bulk(webhook.BulkSpec{Action: webhook.BulkReplay, Filter: map[string]string{"status": "pending"}})
	require.Len(t, w.work(), 2)
	cancelled := w.bulk(webhook.BulkSpec{Action: webhook.BulkCancel, Filter: map[string]string{"endpointId": w.endpoint.ID}})
	w.work()
	assert.EqualValues(t, 2, w.ended(replayed.ID).Applied)
	assert.EqualValues(t, 4, w.ended(cancelled.ID).Applied)
	merge(t, s, 100)
	hour := webhook.HourOf(webhook.Now())
	found, _, err := s.ReadStatistics(w.ctx, webhook.StatisticsQuery{OrganizationID: org, EndpointID: w.endpoint.ID, Interval: webhook.IntervalHour, From: hour - 1, To: hour + 1})
	require.NoError(t, err)
	counts := webhook.Counts{}
	for _, c := range found {
		counts.Add(c.Counts)
	}
	assert.EqualValues(t, 2, counts.Created, "the published ones count in the hour of their creation")
	assert.EqualValues(t, 4, counts.Failed)
}

// publishNow is publish at the present time.
func (w world) publishNow() (webhook.Event, webhook.Delivery) {
	w.t.Helper()
	now := webhook.Now().Add(time.Millisecond)
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, now)
	delivery := webhook.NewDelivery(event, w.endpoint, now)
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, []webhook.Delivery{delivery}))
	return event, delivery
}
