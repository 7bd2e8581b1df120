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

func testBulkRetry(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(3)
	_, waiting := w.publish()
	spec := webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"endpointId": w.endpoint.ID}}
	plan := w.plan(spec)
	assert.Equal(t, webhook.BulkPlan{
		Total: 3, Exact: true, Sample: ids(failed), Oldest: start.Truncate(time.Millisecond), Newest: start.Truncate(time.Millisecond),
	}, plan)
	job := w.bulk(spec)
	assert.Equal(t, webhook.BulkRunning, job.Status)
	assert.WithinDuration(t, time.Now(), job.CreatedAt, time.Minute)
	assert.Equal(t, failed[0], w.find(failed[0].ID).Delivery, "a plan and a new job change nothing")

	first := w.step()
	assert.True(t, first.Began)
	assert.True(t, first.Job.Counted)
	assert.EqualValues(t, 3, first.Job.Total, "counted before the first delivery is handled")
	assert.Zero(t, first.Job.Processed)
	second := w.step()
	assert.False(t, second.Finished)
	assert.False(t, second.Began)
	assert.EqualValues(t, 3, second.Applied)
	third := w.step()
	assert.True(t, third.Finished, "nothing follows")
	assert.Empty(t, third.Waiting)
	assert.Equal(t, w.ended(job.ID), third.Job)
	assert.Nil(t, w.step())

	require.Equal(t, ids(failed), ids(second.Waiting))
	for _, before := range failed {
		d := w.find(before.ID).Delivery
		assert.Contains(t, second.Waiting, d)
		want, err := before.Retried(d.UpdatedAt)
		require.NoError(t, err)
		want.Priority, want.BulkJobID, want.NextRetryAt = webhook.PriorityBulk, job.ID, d.NextRetryAt
		assert.Equal(t, want, d)
		assert.False(t, d.UpdatedAt.Before(job.CreatedAt))
		assert.False(t, d.NextRetryAt.After(d.UpdatedAt), "it is due")
	}
	assert.Equal(t, waiting, w.find(waiting.ID).Delivery)
	ended := w.ended(job.ID)
	assert.EqualValues(t, 3, ended.Applied)
	assert.Empty(t, ended.Skipped)
	assert.Equal(t, spec.Filter, ended.Filter)
	assert.Equal(t, "key_x", ended.CreatedBy)
}

// A job of more deliveries than one step handles takes the oldest first.
func testBulkRetryInSteps(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, start)
	deliveries := make([]webhook.Delivery, 2*webhook.MaxBulkStep+1)
	for i := range deliveries {
		deliveries[i] = webhook.NewDelivery(event, w.endpoint, start)
		deliveries[i].Status, deliveries[i].NextRetryAt = webhook.StatusFailure, time.Time{}
	}
	require.NoError(t, s.CreateEvent(w.ctx, event, deliveries))
	job := w.bulkRetry()
	require.NotNil(t, w.step())
	var requeued []string
	for range 2 {
		step := w.step()
		assert.Len(t, step.Waiting, webhook.MaxBulkStep)
		assert.False(t, step.Finished)
		requeued = append(requeued, ids(step.Waiting)...)
	}
	requeued = append(requeued, ids(w.work())...)
	assert.IsIncreasing(t, requeued)
	assert.Equal(t, ids(deliveries), requeued)
	assert.EqualValues(t, len(deliveries), w.ended(job.ID).Applied)
}

// The clocks of the processes do not matter: the attempt was made an hour ago by the clock of the process that records it.
func testBulkRetryNoLaterFailures(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	before := w.failed()
	again := w.failed()
	_, pending := w.publish()
	job := w.bulkRetry()
	later := w.failed()
	pending.MaxRetries = 0
	_, _ = w.attempt(pending, 500)
	requeued, err := s.RetryDelivery(w.ctx, org, again.ID, start.Add(time.Second))
	require.NoError(t, err)
	requeued.Delivery.MaxRetries = 0
	_, _ = w.attempt(requeued.Delivery, 500)

	assert.Equal(t, []string{before.ID}, ids(w.work()))
	ended := w.ended(job.ID)
	assert.EqualValues(t, 1, ended.Total)
	for _, id := range []string{later.ID, pending.ID, again.ID} {
		assert.Equal(t, webhook.StatusFailure, w.find(id).Delivery.Status)
	}
	next := w.bulkRetry()
	assert.Len(t, w.work(), 3, "a later job takes them")
	assert.EqualValues(t, 3, w.ended(next.ID).Applied)
}

func testBulkRetrySkips(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	_, cancelled := w.publish()
	_, err := s.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: org, DeliveryID: cancelled.ID, At: start})
	require.NoError(t, err)
	disabled, deleted := w.to("disabled"), w.to("deleted")
	ofDisabled, ofDeleted := disabled.failed(), deleted.failed()
	_, err = SetStatus(w.ctx, s, org, disabled.endpoint.ID, webhook.EndpointDisabled, start)
	require.NoError(t, err)
	_, err = s.ChangeEndpoint(w.ctx, org, deleted.endpoint.ID, webhook.Deleting("key_x", start))
	require.NoError(t, err)

	job := w.bulkRetry()
	assert.Equal(t, []string{failed.ID}, ids(w.work()))
	ended := w.ended(job.ID)
	assert.EqualValues(t, 4, ended.Total)
	assert.Equal(t, map[string]int64{"cancelled": 1, "endpoint_disabled": 1, "endpoint_deleted": 1}, ended.Skipped)
	for _, id := range []string{cancelled.ID, ofDisabled.ID, ofDeleted.ID} {
		d := w.find(id).Delivery
		assert.Equal(t, webhook.StatusFailure, d.Status)
		assert.Empty(t, d.BulkJobID)
	}
	named := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"failureReason": "cancelled"}})
	assert.Equal(t, []string{cancelled.ID}, ids(w.work()), "unless the filter names them")
	assert.EqualValues(t, 1, w.ended(named.ID).Applied)
}
