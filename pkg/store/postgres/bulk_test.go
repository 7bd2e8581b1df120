package postgres_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// bulkWorld is a store with an endpoint.
type bulkWorld struct {
	*store.Store
	t        *testing.T
	conn     *pgx.Conn
	endpoint webhook.Endpoint
}

func newBulkWorld(t *testing.T) bulkWorld {
	t.Helper()
	t.Parallel()
	url := storetest.MigratedPostgres(t)
	opened := storetest.OpenPostgres(t, url)
	return bulkWorld{opened, t, connect(t, url), newEndpoint(t, opened)}
}

// publish publishes an event of a type with deliveries to the endpoint, as a process whose clock shows the time.
func (w bulkWorld) publish(eventType string, clock time.Time, deliveries ...webhook.Status) (event webhook.Event, ids []string) {
	w.t.Helper()
	event = webhook.NewEvent(w.endpoint.OrganizationID, webhook.EventSpec{Type: eventType, Data: json.RawMessage(`{}`)}, clock)
	made := make([]webhook.Delivery, len(deliveries))
	for i, status := range deliveries {
		made[i] = webhook.NewDelivery(event, w.endpoint, clock)
		if made[i].Status = status; status == webhook.StatusFailure {
			made[i].NextRetryAt = time.Time{}
		}
		ids = append(ids, made[i].ID)
	}
	require.NoError(w.t, w.CreateEvent(w.t.Context(), event, made))
	slices.Sort(ids)
	return event, ids
}

func (w bulkWorld) create(action webhook.BulkAction, filter map[string]string) webhook.BulkJob {
	w.t.Helper()
	spec := webhook.BulkSpec{OrganizationID: w.endpoint.OrganizationID, Action: action, Filter: filter}
	if action == webhook.BulkDeliver {
		spec.EndpointID = w.endpoint.ID
	}
	job, err := w.CreateBulkJob(w.t.Context(), spec)
	require.NoError(w.t, err)
	return job
}

// work makes steps until no job is due, and returns what they requeued or made.
func (w bulkWorld) work() (waiting []webhook.Delivery) {
	w.t.Helper()
	for {
		leased, err := w.LeaseBulkJob(w.t.Context(), time.Minute)
		require.NoError(w.t, err)
		if leased == nil {
			return waiting
		}
		step, err := w.StepBulkJob(w.t.Context(), leased)
		require.NoError(w.t, err)
		waiting = append(waiting, step.Waiting...)
	}
}

func (w bulkWorld) ended(id string) webhook.BulkJob {
	w.t.Helper()
	job, err := w.FindBulkJob(w.t.Context(), w.endpoint.OrganizationID, id)
	require.NoError(w.t, err)
	require.Equal(w.t, webhook.BulkCompleted, job.Status)
	return job
}

// A job takes what was published before it, by the clock of the database. The clocks of two publishers are a year behind and a day ahead.
func TestBulkJobsTakeWhatWasInsertedBefore(t *testing.T) {
	w := newBulkWorld(t)
	ahead, behind := webhook.Now().Add(24*time.Hour), webhook.Now().Add(-365*24*time.Hour)
	before, waiting := w.publish("a", ahead, webhook.StatusPending)
	missed, _ := w.publish("b", ahead)
	replay, deliver := w.create(webhook.BulkReplay, map[string]string{"eventType": "a"}), w.create(webhook.BulkDeliver, map[string]string{"eventType": "b"})
	cancel := w.create(webhook.BulkCancel, map[string]string{"eventType": "a"})
	w.publish("a", behind, webhook.StatusPending)
	w.publish("b", behind)

	made := map[string]string{}
	for _, d := range w.work() {
		made[d.BulkJobID] = d.EventID
	}
	assert.Equal(t, map[string]string{replay.ID: before.ID, deliver.ID: missed.ID}, made)
	assert.EqualValues(t, 1, w.ended(replay.ID).Total)
	assert.EqualValues(t, 1, w.ended(deliver.ID).Total)
	assert.EqualValues(t, 1, w.ended(cancel.ID).Applied)
	record, err := w.FindDelivery(t.Context(), w.endpoint.OrganizationID, waiting[0])
	require.NoError(t, err)
	assert.Equal(t, webhook.FailureCancelled, record.Delivery.FailureReason)
}

// A process of a version without bulk jobs writes no failed_at. Its time of the failure counts then.
func TestBulkRetryOfFailuresOfOldVersion(t *testing.T) {
	w := newBulkWorld(t)
	_, failed := w.publish("a", webhook.Now().Add(-time.Hour), webhook.StatusFailure, webhook.StatusFailure)
	job := w.create(webhook.BulkRetry, map[string]string{"eventType": "a"})
	_, err := w.conn.Exec(t.Context(), "UPDATE deliveries SET updated_at = now() + interval '1 hour' WHERE id = $1", failed[1])
	require.NoError(t, err)
	waiting := w.work()
	require.Len(t, waiting, 1)
	assert.Equal(t, failed[0], waiting[0].ID)
	assert.EqualValues(t, 1, w.ended(job.ID).Total)
}

// The deliveries of one event are too many to be read as a whole for each step.
func TestBulkJobOfEventWithManyDeliveries(t *testing.T) {
	w := newBulkWorld(t)
	const many = 10_500
	event, _ := w.publish("a", webhook.Now().Add(-time.Hour), webhook.StatusFailure)
	w.publish("a", webhook.Now().Add(-time.Hour), webhook.StatusFailure)
	_, err := w.conn.Exec(t.Context(), `INSERT INTO deliveries (id, organization_id, endpoint_id, event_id, status, retry_count, max_retries, revision, queue,
	failure_reason, orphan_count, attempt_count, last_attempt_id, created_at, updated_at)
SELECT 'dlv_0' || lpad(n::text, 25, '0'), organization_id, endpoint_id, event_id, status, retry_count, max_retries, revision, queue,
	failure_reason, orphan_count, attempt_count, last_attempt_id, created_at, updated_at
FROM deliveries, generate_series(2, $2) n WHERE event_id = $1`, event.ID, many)
	require.NoError(t, err)
	job := w.create(webhook.BulkRetry, map[string]string{"eventId": event.ID})
	assert.Len(t, w.work(), many)
	ended := w.ended(job.ID)
	assert.EqualValues(t, many, ended.Total)
	assert.EqualValues(t, many, ended.Applied)
}

// A plan gives up a statement that takes too long, and answers what was counted before.
func TestPlanBulkJobEndsSlowStatement(t *testing.T) {
	w := newBulkWorld(t)
	w.publish("a", webhook.Now().Add(-time.Hour), webhook.StatusFailure)
	held, err := w.conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	spec := webhook.BulkSpec{OrganizationID: w.endpoint.OrganizationID, Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}}
	plan, err := w.PlanBulkJob(limited, spec)
	require.NoError(t, err)
	assert.False(t, plan.Exact)
	assert.Zero(t, plan.Total)
	require.NoError(t, held.Rollback(t.Context()))
	plan, err = w.PlanBulkJob(limited, spec)
	require.NoError(t, err)
	assert.True(t, plan.Exact)
	assert.EqualValues(t, 1, plan.Total)
	assert.Len(t, plan.Sample, 1)
}
