package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testBulkOutcomeAndFilter(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	beside := w.failedMany(4)[3]
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, MaxDeliveries: 3})
	require.NotNil(t, w.step(), "it counts")
	waiting := w.step().Waiting
	require.Len(t, waiting, 3)
	_, _ = w.attempt(waiting[0], 200)
	waiting[1].MaxRetries = 0
	_, _ = w.attempt(waiting[1], 500)
	require.True(t, w.step().Finished)
	found := w.ended(job.ID)
	assert.Equal(t, webhook.BulkOutcome{Success: 1, Failure: 1, Waiting: 1, AsOf: found.FinishedAt}, found.Outcome)
	again := w.ended(job.ID)
	assert.Equal(t, found.Outcome.AsOf, again.Outcome.AsOf, "it is counted at most every ten seconds")

	for filter, want := range map[string][]string{
		"":                 ids(waiting),
		"success":          {waiting[0].ID},
		"failure":          {waiting[1].ID},
		"pending,retrying": {waiting[2].ID},
		"success,failure":  {waiting[0].ID, waiting[1].ID},
		"retrying,success": {waiting[0].ID},
	} {
		parameters := map[string]string{"bulkJobId": job.ID}
		if filter != "" {
			parameters["status"] = filter
		}
		f, err := webhook.ParseDeliveryFilter(org, webhook.Parameters{Values: parameters})
		require.NoError(t, err)
		list, err := s.PageDeliveries(w.ctx, f, webhook.Page{Limit: 10})
		require.NoError(t, err)
		got := map[string]bool{}
		for _, d := range list.Items {
			got[d.ID] = true
		}
		slices.Sort(want)
		assert.Equal(t, want, slices.Sorted(maps.Keys(got)), "%q", filter)
		assert.NotContains(t, got, beside.ID)
	}
	loaded, err := s.LoadDispatch(w.ctx, waiting[2].ID)
	require.NoError(t, err)
	assert.Equal(t, job.ID, loaded.Delivery.BulkJobID)
	health, err := s.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Zero(t, health.Health.ConsecutiveFailures, "a failure of a delivery that a job retried does not count")
}

// What was retried or cancelled by hand since does not belong to the job any more.
func testBulkOutcomeWithoutLaterCalls(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failedMany(4)
	job := w.bulkRetry()
	require.NotNil(t, w.step(), "it counts")
	waiting := w.step().Waiting
	require.Len(t, waiting, 4)
	for i := range waiting {
		waiting[i].MaxRetries = 0
	}
	_, _ = w.attempt(waiting[0], 500)
	retried, err := s.RetryDelivery(w.ctx, org, waiting[0].ID, start.Add(time.Hour))
	require.NoError(t, err)
	assert.Empty(t, retried.Delivery.BulkJobID)
	cancelled, err := s.CancelDelivery(w.ctx, webhook.Cancellation{OrganizationID: org, DeliveryID: waiting[1].ID, At: start.Add(time.Hour)})
	require.NoError(t, err)
	assert.Empty(t, cancelled.Delivery.BulkJobID)
	_, _ = w.attempt(waiting[2], 200)
	require.True(t, w.step().Finished)
	found := w.ended(job.ID)
	assert.EqualValues(t, 4, found.Applied)
	assert.Equal(t, webhook.BulkOutcome{Success: 1, Waiting: 1, AsOf: found.FinishedAt}, found.Outcome)
}

// The outcome of a job that was cancelled is counted again, although the last count is recent.
func testBulkOutcomeOfCancelled(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failedMany(2)
	job := w.bulkRetry()
	require.NotNil(t, w.step(), "it counts")
	running, err := s.FindBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.Zero(t, running.Outcome.Waiting)
	require.Len(t, w.step().Waiting, 2)
	_, err = s.CancelBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	ended, err := s.FindBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.EqualValues(t, 2, ended.Outcome.Waiting)
	assert.False(t, ended.Outcome.AsOf.Before(ended.FinishedAt))
	again, err := s.FindBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.Equal(t, ended, again)
}
