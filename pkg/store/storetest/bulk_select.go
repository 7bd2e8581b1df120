package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

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
