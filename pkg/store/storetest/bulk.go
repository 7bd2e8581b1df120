package storetest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// bulkLease is longer than any step of these tests.
const bulkLease = time.Minute

// bulk creates a job. Its pace has no limit unless the spec has one.
func (w world) bulk(spec webhook.BulkSpec) webhook.BulkJob {
	w.t.Helper()
	spec.OrganizationID, spec.CreatedBy = org, "key_x"
	require.NoError(w.t, spec.Check())
	job, err := w.store.CreateBulkJob(w.ctx, spec)
	require.NoError(w.t, err)
	return job
}

// bulkRetry creates a job that retries everything that has failed.
func (w world) bulkRetry() webhook.BulkJob {
	w.t.Helper()
	return w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}})
}

// step leases a job and makes a step. It returns nil if no job is due.
func (w world) step() *store.BulkStep {
	w.t.Helper()
	leased, err := w.store.LeaseBulkJob(w.ctx, bulkLease)
	require.NoError(w.t, err)
	if leased == nil {
		return nil
	}
	step, err := w.store.StepBulkJob(w.ctx, leased)
	require.NoError(w.t, err)
	return step
}

// work makes steps until no job is due, and returns what they made.
func (w world) work() (waiting []webhook.Delivery) {
	w.t.Helper()
	for step := w.step(); step != nil; step = w.step() {
		waiting = append(waiting, step.Waiting...)
	}
	return waiting
}

// ended returns a job that has ended, and checks its counters.
func (w world) ended(id string) webhook.BulkJob {
	w.t.Helper()
	job, err := w.store.FindBulkJob(w.ctx, org, id)
	require.NoError(w.t, err)
	require.Equal(w.t, webhook.BulkCompleted, job.Status)
	assert.False(w.t, job.StartedAt.Before(job.CreatedAt))
	assert.False(w.t, job.FinishedAt.Before(job.StartedAt))
	assert.True(w.t, job.Counted)
	assert.Equal(w.t, job.Total, job.Processed)
	skipped := int64(0)
	for _, n := range job.Skipped {
		skipped += n
	}
	assert.Equal(w.t, job.Processed, job.Applied+skipped, "%v", job.Skipped)
	return job
}

// plan returns the plan of a spec.
func (w world) plan(spec webhook.BulkSpec) webhook.BulkPlan {
	w.t.Helper()
	spec.OrganizationID = org
	plan, err := w.store.PlanBulkJob(w.ctx, spec)
	require.NoError(w.t, err)
	return plan
}

func ids(deliveries []webhook.Delivery) []string {
	found := make([]string, len(deliveries))
	for i, d := range deliveries {
		found[i] = d.ID
	}
	slices.Sort(found)
	return found
}

// byID sorts deliveries by their IDs: a job takes them in this order. IDs of one millisecond need not be in the order of their creation while
// other tests make IDs for other times.
func byID(deliveries ...webhook.Delivery) []webhook.Delivery {
	slices.SortFunc(deliveries, func(a, b webhook.Delivery) int { return strings.Compare(a.ID, b.ID) })
	return deliveries
}

// failedMany returns n failed deliveries in the order of their IDs.
func (w world) failedMany(n int) []webhook.Delivery {
	w.t.Helper()
	failed := make([]webhook.Delivery, n)
	for i := range failed {
		failed[i] = w.failed()
	}
	return byID(failed...)
}

// to returns the world with another endpoint.
func (w world) to(name string) world {
	w.t.Helper()
	w.endpoint = webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: name, URL: "https://example.com/" + name}, "whsec_one", start)
	require.NoError(w.t, w.store.CreateEndpoint(w.ctx, w.endpoint))
	return w
}

// workTogether is work in several goroutines, as several dispatchers do it.
func (w world) workTogether(n int) (waiting []webhook.Delivery) {
	w.t.Helper()
	var mutex sync.Mutex
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			for {
				running, err := w.store.CountBulkJobs(w.ctx)
				if !assert.NoError(w.t, err) || running == 0 {
					return
				}
				leased, err := w.store.LeaseBulkJob(w.ctx, bulkLease)
				if !assert.NoError(w.t, err) || leased == nil {
					continue
				}
				step, err := w.store.StepBulkJob(w.ctx, leased)
				if !assert.NoError(w.t, err) || step == nil {
					return
				}
				mutex.Lock()
				waiting = append(waiting, step.Waiting...)
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	return waiting
}
