package local

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// TestInProcessRedisTakesWhatDispatchersReport adds and reads attempts by minute, and reads summaries, as on a real Redis.
func TestInProcessRedisTakesWhatDispatchersReport(t *testing.T) {
	client, stop, err := startRedis()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, stop()) })
	now := time.Date(2026, 11, 28, 12, 0, 30, 0, time.UTC)
	counter := queue.NewMinuteCounter(client)
	for range 2 {
		counts := map[webhook.Minute]map[string]int64{webhook.MinuteOf(now): {"success": 2, "5xx": 1}}
		require.NoError(t, counter.AddMinutes(t.Context(), now, counts))
	}
	minutes, err := counter.ReadMinutes(t.Context(), now)
	require.NoError(t, err)
	assert.Equal(t, now, minutes.Since)
	require.Len(t, minutes.Counts, queue.MinutesShown)
	assert.Equal(t, map[string]int64{"success": 4, "5xx": 2}, minutes.Counts[queue.MinutesShown-1].Results)
	assert.Nil(t, minutes.Counts[0].Results)

	summary := queue.Summary{
		Dispatcher: queue.DispatcherState{Host: "host", Workers: 200},
		Attempts:   map[string]time.Time{"dlv_a": now},
	}
	require.NoError(t, queue.NewSummaries(client).Publish(t.Context(), summary))
	summaries, err := queue.NewSummaryReader(client).ReadSummaries(t.Context())
	require.NoError(t, err)
	require.Len(t, summaries, 1)
	assert.Equal(t, summary.Dispatcher, summaries[0].Dispatcher)
	assert.Equal(t, 1, summaries[0].InFlight)
}
