package storetest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"testing"
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

// failedMany returns n failed deliveries, oldest first.
func (w world) failedMany(n int) []webhook.Delivery {
	w.t.Helper()
	failed := make([]webhook.Delivery, n)
	for i := range failed {
		failed[i] = w.failed()
	}
	return failed
}

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
	assert.True(t, second.Finished)
	assert.False(t, second.Began)
	assert.EqualValues(t, 3, second.Applied)
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

// to returns the world with another endpoint.
func (w world) to(name string) world {
	w.t.Helper()
	w.endpoint = webhook.NewEndpoint(org, "key_x", webhook.EndpointSpec{Name: name, URL: "https://example.com/" + name}, "whsec_one", start)
	require.NoError(w.t, w.store.CreateEndpoint(w.ctx, w.endpoint))
	return w
}

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
	for i, old := range []webhook.Delivery{failed, pending} {
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
	assert.Equal(t, []string{events[0].ID, events[2].ID, events[5].ID}, got, "the types that the endpoint subscribes to")
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

// A job handles what the list shows with the same filter.
func testBulkFilters(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	elsewhere := w.to("elsewhere")
	for range 3 {
		w.failed()
		elsewhere.failed()
	}
	_, gone := w.publish()
	_, _ = w.attempt(gone, 410)
	event := w.find(gone.ID).Event
	for _, filter := range []map[string]string{
		{"endpointId": elsewhere.endpoint.ID},
		{"eventId": event.ID},
		{"failureReason": "gone"},
		{"responseStatus": "5xx"},
		{"errorCode": "http_status"},
		{"eventType": "run.finished"},
		{"eventType": "none"},
		{"workflowId": "wf", "endpointId": w.endpoint.ID},
		{"runId": "run", "status": "failure"},
		{"executionId": "exec"},
		{"status": "success"},
		{"status": "success,failure"},
		{"from": webhook.FormatTime(start), "to": webhook.FormatTime(start.Add(time.Second))},
		{"to": webhook.FormatTime(start)},
	} {
		spec := webhook.BulkSpec{OrganizationID: org, Action: webhook.BulkRetry, Filter: filter}
		f, err := spec.Deliveries()
		require.NoError(t, err)
		list, err := s.PageDeliveries(w.ctx, f, webhook.Page{Limit: webhook.MaxPageLimit})
		require.NoError(t, err)
		var want []string
		for _, d := range list.Items {
			want = append(want, d.ID)
		}
		slices.Sort(want)
		plan := w.plan(spec)
		assert.EqualValues(t, len(want), plan.Total, "%v", filter)
		assert.Equal(t, want, plan.Sample, "%v", filter)
	}
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"runId": "run", "endpointId": elsewhere.endpoint.ID}})
	assert.Len(t, w.work(), 3)
	assert.EqualValues(t, 3, w.ended(job.ID).Total)
}

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
	assert.EqualValues(t, 1, w.ended(job.ID).Applied)
}

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

func testBulkFirstOfMany(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(5)
	spec := webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, MaxDeliveries: 2}
	assert.EqualValues(t, 2, w.plan(spec).Total)
	job := w.bulk(spec)
	assert.Equal(t, ids(failed[:2]), ids(w.work()))
	assert.EqualValues(t, 2, w.ended(job.ID).Total)
}

// A delivery that was counted and does not match any more when the job comes to it is skipped.
func testBulkDisappears(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	failed := w.failedMany(3)
	job := w.bulkRetry()
	require.NotNil(t, w.step())
	_, err := s.RetryDelivery(w.ctx, org, failed[1].ID, start.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []string{failed[0].ID, failed[2].ID}, ids(w.work()))
	ended := w.ended(job.ID)
	assert.EqualValues(t, 3, ended.Total)
	assert.Equal(t, map[string]int64{"no_longer_matching": 1}, ended.Skipped)
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

// The pace is in the job's row: no step is due before its time, whoever makes it.
func testBulkPace(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failedMany(3)
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, PerSecond: 1})
	require.NotNil(t, w.step(), "it counts at once")
	step := w.step()
	if step != nil { // it has learned that the pace allows nothing yet
		assert.Empty(t, step.Waiting)
	}
	assert.Nil(t, w.step(), "the first delivery is due after a second")
	found, err := s.FindBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.Zero(t, found.Processed)
	assert.EqualValues(t, 3, found.Total)
}

func testBulkDeletedOrganizationWaits(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failed()
	_, err := s.PutOrganization(w.ctx, org, webhook.OrganizationChange{}, start)
	require.NoError(t, err)
	job := w.bulkRetry()
	_, err = s.DeleteOrganization(w.ctx, org, webhook.Now(), webhook.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.Nil(t, w.step())
	_, err = s.PutOrganization(w.ctx, org, webhook.OrganizationChange{}, webhook.Now())
	require.NoError(t, err)
	assert.Len(t, w.work(), 1)
	assert.EqualValues(t, 1, w.ended(job.ID).Applied)
}

func testBulkOutcomeAndFilter(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failedMany(3)
	beside := w.failed()
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, MaxDeliveries: 3})
	waiting := w.work()
	require.Len(t, waiting, 3)
	_, _ = w.attempt(waiting[0], 200)
	waiting[1].MaxRetries = 0
	_, _ = w.attempt(waiting[1], 500)
	found := w.ended(job.ID)
	outcome := found.Outcome
	assert.WithinDuration(t, time.Now(), outcome.AsOf, time.Minute)
	outcome.AsOf = time.Time{}
	assert.Equal(t, webhook.BulkOutcome{Success: 1, Failure: 1, Waiting: 1}, outcome)
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
