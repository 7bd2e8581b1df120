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

// The pace is in the job's row: no step is due before its time, in whichever process.
func testBulkPace(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	w.failedMany(3)
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, PerSecond: 1})
	require.NotNil(t, w.step(), "it counts at once")
	step := w.step()
	if step != nil { // the pace allows nothing yet
		assert.Empty(t, step.Waiting)
	}
	assert.Nil(t, w.step(), "the first delivery is due after a second")
	found, err := s.FindBulkJob(w.ctx, org, job.ID)
	require.NoError(t, err)
	assert.Zero(t, found.Processed)
	assert.EqualValues(t, 3, found.Total)
}

// What a job skips uses up no pace: a step passes over as many deliveries as it looks at, and ends before the first one that the pace does not
// allow.
func testBulkPaceOfApplied(t *testing.T, s *store.Store) {
	const skipped, applied = 250, 2
	w := newWorld(t, s)
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, start)
	var deliveries []webhook.Delivery
	for i := range skipped + applied {
		d := webhook.NewDelivery(event, w.endpoint, start.Add(time.Duration(i)*time.Millisecond))
		d.Status, d.NextRetryAt = webhook.StatusFailure, time.Time{}
		if i < skipped {
			d.FailureReason = webhook.FailureCancelled
		}
		deliveries = append(deliveries, d)
	}
	require.NoError(t, s.CreateEvent(w.ctx, event, deliveries))
	job := w.bulk(webhook.BulkSpec{Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure"}, PerSecond: 1})
	var progress []int64
	require.Eventually(t, func() bool {
		step := w.step()
		if step == nil {
			return false
		}
		if n := step.Job.Processed; n > 0 && !step.Finished {
			progress = append(progress, n)
		}
		return step.Finished
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, []int64{100, 200, 251, 252}, progress)
	assert.Equal(t, map[string]int64{webhook.SkippedCancelled: skipped}, w.ended(job.ID).Skipped)
}
