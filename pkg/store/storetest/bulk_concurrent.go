package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Two jobs and single retries over the same deliveries: one of them requeues each.
func testBulkOneWinner(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(40)
	jobs := []webhook.BulkJob{w.bulkRetry(), w.bulkRetry()}
	var single sync.Map
	var group sync.WaitGroup
	group.Go(func() {
		for _, d := range failed {
			if _, err := s.RetryDelivery(w.ctx, org, d.ID, start.Add(time.Hour)); err == nil {
				single.Store(d.ID, true)
			} else {
				assert.ErrorIs(t, err, webhook.ErrDeliveryNotFailed)
			}
		}
	})
	requeued := ids(w.workTogether(2))
	group.Wait()
	assert.Equal(t, slices.Compact(slices.Clone(requeued)), requeued, "no delivery twice")
	for _, d := range failed {
		now := w.find(d.ID).Delivery
		assert.Equal(t, webhook.StatusPending, now.Status)
		assert.Equal(t, d.Revision+1, now.Revision, "requeued once")
		_, alone := single.Load(d.ID)
		assert.NotEqual(t, alone, slices.Contains(requeued, d.ID))
	}
	applied := int64(0)
	for _, job := range jobs {
		applied += w.ended(job.ID).Applied
	}
	assert.EqualValues(t, len(requeued), applied)
}

// A process that dies in a step undoes it, and one that dies between the commit and the enqueueing leaves deliveries that are due.
func testBulkKilled(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(5)
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, PerSecond: 5000, MaxDeliveries: 5})
	leased, err := s.LeaseBulkJob(w.ctx, time.Microsecond)
	require.NoError(t, err)
	require.NotNil(t, leased)
	cancelled, cancel := context.WithCancel(w.ctx)
	cancel()
	_, err = s.StepBulkJob(cancelled, leased)
	require.ErrorIs(t, err, context.Canceled)
	var waiting []webhook.Delivery
	require.Eventually(t, func() bool {
		waiting = append(waiting, w.work()...)
		running, err := s.CountBulkJobs(w.ctx)
		return assert.NoError(t, err) && running == 0
	}, 30*time.Second, 10*time.Millisecond)
	assert.Equal(t, ids(failed), ids(waiting))
	due, err := s.ListDue(w.ctx, webhook.Now().Add(time.Second), store.Due{}, 100)
	require.NoError(t, err)
	var found []string
	for _, d := range due {
		found = append(found, d.ID)
	}
	for _, d := range failed {
		assert.Contains(t, found, d.ID)
		assert.Equal(t, d.Revision+1, w.find(d.ID).Delivery.Revision)
	}
	assert.EqualValues(t, 5, w.ended(job.ID).Applied)
}

// A step of a process whose lease has expired and was taken over has no effect.
func testBulkLeaseTakenOver(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	job := w.bulkRetry()
	require.NotNil(t, w.step())
	expired, err := s.LeaseBulkJob(w.ctx, time.Microsecond)
	require.NoError(t, err)
	require.NotNil(t, expired)
	var taken *store.BulkLease
	require.Eventually(t, func() bool {
		taken, err = s.LeaseBulkJob(w.ctx, bulkLease)
		return assert.NoError(t, err) && taken != nil
	}, 10*time.Second, time.Millisecond)
	nothing, err := s.LeaseBulkJob(w.ctx, bulkLease)
	require.NoError(t, err)
	assert.Nil(t, nothing, "a lease that has not expired is not taken over")

	step, err := s.StepBulkJob(w.ctx, expired)
	require.NoError(t, err)
	assert.Nil(t, step)
	require.NoError(t, s.ReleaseBulkJob(w.ctx, expired, time.Hour), "it changes nothing")
	assert.Equal(t, failed, w.find(failed.ID).Delivery)
	step, err = s.StepBulkJob(w.ctx, taken)
	require.NoError(t, err)
	assert.EqualValues(t, 1, step.Applied)
	w.work()
	assert.EqualValues(t, 1, w.ended(job.ID).Applied)
}
