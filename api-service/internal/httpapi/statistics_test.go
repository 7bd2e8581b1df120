package httpapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const stats = base + "/stats"

// TestStatisticsCountAtOnce publishes, tests and ends deliveries. The answer has all of it, merged or not, and an empty hour for each
// other hour of the last 24.
func TestStatisticsCountAtOnce(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	other, _ := s.endpoint(t, s.writer)
	for range 2 {
		read := granted(t, s.call(t, "GET", stats, s.reader, ""))
		series := read["series"].([]any)
		require.Len(t, series, 24)
		last := series[23].(map[string]any)
		assert.Equal(t, webhook.HourOf(webhook.Now()).Start().Format("2006-01-02T15:04:05.000000Z"), last["start"])
		assert.Equal(t, []any{true, false}, []any{last["partial"], series[0].(map[string]any)["partial"]})
		totals := read["totals"].(map[string]any)
		assert.Equal(t, []any{1.0, 0.0, 0.0, 0.0}, []any{totals["created"], totals["succeeded"], totals["failed"], totals["attempts"]})
		assert.Equal(t, map[string]any{}, totals["errors"])
		assert.GreaterOrEqual(t, totals["events"], 1.0)
		assert.NotContains(t, totals, "p50Ms")
		assert.NotContains(t, totals, "start")
		waiting := read["waiting"].(map[string]any)
		assert.Equal(t, []any{1.0, 0.0, false}, []any{waiting["pending"], waiting["retrying"], waiting["capped"]})
		assert.Contains(t, waiting, "oldestDueAt")
		_, err := s.store.MergeStatistics(t.Context(), store.DeltaPosition{}, 1000)
		require.NoError(t, err)
	}
	own := granted(t, s.call(t, "GET", base+"/"+endpointID+"/stats", s.reader, ""))["totals"].(map[string]any)
	assert.Equal(t, 1.0, own["created"])
	assert.NotContains(t, own, "events")
	none := granted(t, s.call(t, "GET", base+"/"+other+"/stats", s.reader, ""))
	assert.Equal(t, 0.0, none["totals"].(map[string]any)["created"])
	assert.Equal(t, 0.0, none["waiting"].(map[string]any)["pending"])
	assert.NotContains(t, none["waiting"], "oldestDueAt")

	event := granted(t, s.call(t, "GET", base+"/events?limit=1", s.reader, ""))["items"].([]any)[0].(map[string]any)
	for eventType, created := range map[string]float64{event["eventType"].(string): 1, "nothing.like.it": 0, "other": 0} {
		totals := granted(t, s.call(t, "GET", stats+"?interval=day&eventType="+eventType, s.reader, ""))["totals"].(map[string]any)
		assert.Equal(t, created, totals["created"], eventType)
	}

	now := webhook.Now()
	outcome := s.outcome(t, id, 503, 70*time.Millisecond)
	_, err := s.store.RecordOutcome(t.Context(), outcome)
	require.NoError(t, err)
	read := func() map[string]any { return granted(t, s.call(t, "GET", stats+"?interval=day", s.reader, "")) }
	today := read()
	require.Len(t, today["series"], 30)
	totals := today["totals"].(map[string]any)
	assert.Equal(t, map[string]any{"5xx": 1.0}, totals["errors"])
	assert.InDelta(t, 70, totals["p50Ms"], 3.5)
	assert.InDelta(t, 70, totals["p95Ms"], 3.5)
	assert.Eventually(t, func() bool { return read()["waiting"].(map[string]any)["retrying"] == 1.0 }, 15*time.Second, 20*time.Millisecond)
	before := now.Add(-48 * time.Hour).Format(time.RFC3339)
	past := granted(t, s.call(t, "GET", stats+"?to="+before, s.reader, ""))
	assert.Equal(t, []any{0.0, false}, []any{past["totals"].(map[string]any)["created"], past["totals"].(map[string]any)["partial"]})
}

// outcome decides about an answer to a delivery.
func (s *service) outcome(t *testing.T, deliveryID string, status int, took time.Duration) webhook.Outcome {
	t.Helper()
	dispatch, err := s.store.LoadDispatch(t.Context(), deliveryID)
	require.NoError(t, err)
	now := webhook.Now()
	outcome, err := webhook.Policy{}.Decide(dispatch.Delivery, webhook.Result{StartedAt: now.Add(-took), Duration: took, ResponseStatus: status}, now)
	require.NoError(t, err)
	outcome.EventType = dispatch.Event.Type
	return outcome
}

func TestStatisticsRefuses(t *testing.T) {
	s := newService(t).withKeys(t)
	id, _ := s.endpoint(t, s.writer)
	at := func(ago time.Duration) string { return webhook.Now().Add(-ago).Format(time.RFC3339) }
	const day = 24 * time.Hour
	for query, reason := range map[string]string{
		"interval=week": "out_of_range", "interval=": "out_of_range", "interval=Hour": "out_of_range",
		"from=yesterday": "invalid_time", "to=": "invalid_time", "eventType=": "invalid_event_type", "eventType=a%20b": "invalid_event_type",
		"limit=2": "unknown_parameter", "endpointId=" + id: "unknown_parameter", "interval=day&interval=day": "repeated_parameter",
		"from=" + at(32*day):                                        "out_of_range",
		"interval=day&from=" + at(402*day):                          "out_of_range",
		"from=" + at(40*day) + "&to=" + at(39*day):                  "out_of_range",
		"interval=day&from=" + at(405*day) + "&to=" + at(404*day):   "out_of_range",
		"from=" + at(time.Hour) + "&to=" + at(2*time.Hour):          "out_of_range",
		"interval=hour&from=" + at(time.Hour) + "&to=" + at(33*day): "out_of_range",
	} {
		for _, path := range []string{stats, base + "/" + id + "/stats"} {
			refused(t, s.call(t, "GET", path+"?"+query, s.reader, ""), 400, reason)
		}
	}
	granted(t, s.call(t, "GET", stats+"?from="+at(31*day-time.Minute), s.reader, ""))
	granted(t, s.call(t, "GET", stats+"?interval=day&from="+at(400*day-time.Minute), s.reader, ""))
	refused(t, s.call(t, "GET", base+"/"+webhook.NewID(webhook.KindEndpoint, webhook.Now())+"/stats", s.reader, ""), 404, "endpoint_not_found")
	refused(t, s.call(t, "GET", base+"/nothing/stats", s.reader, ""), 400, "invalid_id")
	assert.Equal(t, 405, s.call(t, "POST", stats, s.writer, "").status)

	granted(t, s.call(t, "DELETE", base+"/"+id, s.writer, ""))
	refused(t, s.call(t, "GET", base+"/"+id+"/stats", s.reader, ""), 404, "endpoint_not_found")
}
