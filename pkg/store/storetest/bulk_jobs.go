package storetest

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testBulkJobCancelled(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failed()
	job := w.bulkRetry()
	require.NotNil(t, w.step())
	leased, err := s.LeaseBulkJob(w.ctx, bulkLease)
	require.NoError(t, err)
	cancelled, err := s.CancelBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.BulkCancelled, cancelled.Status)
	assert.False(t, cancelled.FinishedAt.IsZero())
	step, err := s.StepBulkJob(w.ctx, leased)
	require.NoError(t, err)
	assert.Nil(t, step, "no step commits after the cancellation")
	assert.Equal(t, failed, w.find(failed.ID).Delivery)
	assert.Nil(t, w.step())
	_, err = s.CancelBulkJob(w.ctx, org, job.ID)
	require.ErrorIs(t, err, webhook.ErrJobFinished)
	_, err = s.CancelBulkJob(w.ctx, other, job.ID)
	requireNotFound(t, err)
}

func testBulkLimit(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	spec := webhook.BulkSpec{OrganizationID: org, Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}}
	var mutex sync.Mutex
	var created []webhook.BulkJob
	var group sync.WaitGroup
	for range 2 * webhook.MaxBulkJobs {
		group.Go(func() {
			job, err := s.CreateBulkJob(w.ctx, spec)
			if err != nil {
				assert.ErrorIs(t, err, webhook.ErrTooManyJobs)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			created = append(created, job)
		})
	}
	group.Wait()
	require.Len(t, created, webhook.MaxBulkJobs)
	elsewhere := spec
	elsewhere.OrganizationID = other
	_, err := s.CreateBulkJob(w.ctx, elsewhere)
	require.NoError(t, err)
	_, err = s.CancelBulkJob(w.ctx, org, created[0].ID)
	require.NoError(t, err)
	_, err = s.CreateBulkJob(w.ctx, spec)
	require.NoError(t, err, "a finished job does not count")
}

func testBulkLists(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	jobs := []webhook.BulkJob{w.bulkRetry(), w.bulkRetry(), w.bulkRetry()}
	slices.SortFunc(jobs, func(a, b webhook.BulkJob) int { return strings.Compare(a.ID, b.ID) })
	first, err := s.ListBulkJobs(w.ctx, org, webhook.Page{Limit: 2})
	require.NoError(t, err)
	require.Len(t, first.Items, 2)
	assert.True(t, first.HasMore)
	rest, err := s.ListBulkJobs(w.ctx, org, webhook.Page{Limit: 2, After: first.Next})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	assert.False(t, rest.HasMore)
	assert.Equal(t, jobs[2].ID, first.Items[0].ID, "newest first")
	assert.Equal(t, jobs[0].ID, rest.Items[0].ID)
	none, err := s.ListBulkJobs(w.ctx, other, webhook.Page{Limit: 2})
	require.NoError(t, err)
	assert.Empty(t, none.Items)
	_, err = s.FindBulkJob(w.ctx, other, jobs[0].ID)
	requireNotFound(t, err)
	found, err := s.FindOwner(w.ctx, jobs[0].ID)
	require.NoError(t, err)
	assert.Equal(t, &webhook.Resource{Kind: webhook.KindBulkJob, ID: jobs[0].ID, OrganizationID: org}, found)
}

// A job of a deleted organization ends. What it has not handled is skipped.
func testBulkDeletedOrganization(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(3)
	_, err := s.PutOrganization(w.ctx, org, webhook.OrganizationChange{}, start)
	require.NoError(t, err)
	begun := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, MaxDeliveries: 2})
	require.NotNil(t, w.step(), "it counts")
	fresh := w.bulkRetry()
	_, err = s.DeleteOrganization(w.ctx, org, webhook.Now(), webhook.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Empty(t, w.work())
	assert.Equal(t, map[string]int64{webhook.SkippedOrganizationDeleted: 2}, w.ended(begun.ID).Skipped)
	assert.Equal(t, map[string]int64{webhook.SkippedOrganizationDeleted: 3}, w.ended(fresh.ID).Skipped)

	_, err = s.PutOrganization(w.ctx, org, webhook.OrganizationChange{}, webhook.Now())
	require.NoError(t, err)
	assert.Empty(t, w.work(), "a job that has ended does not continue")
	again := w.bulkRetry()
	assert.Equal(t, ids(failed), ids(w.work()))
	assert.EqualValues(t, 3, w.ended(again.ID).Applied)
}

func testBulkPurge(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	finished := w.bulkRetry()
	w.work()
	running := w.bulkRetry()
	purged, err := s.PurgeBulkJobs(w.ctx, webhook.Now().Add(-time.Hour), 10)
	require.NoError(t, err)
	assert.Zero(t, purged)
	purged, err = s.PurgeBulkJobs(w.ctx, webhook.Now().Add(time.Hour), 10)
	require.NoError(t, err)
	assert.EqualValues(t, 1, purged)
	_, err = s.FindBulkJob(w.ctx, org, finished.ID)
	requireNotFound(t, err)
	_, err = s.FindBulkJob(w.ctx, org, running.ID)
	require.NoError(t, err)
}
