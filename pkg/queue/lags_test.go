package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

func TestLagsOfDispatchersLongestCounts(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	other := queue.NewLanes(b.Redis)
	read := func() map[string]time.Duration {
		lags, err := b.lanes.ReadLags(t.Context())
		require.NoError(t, err)
		return lags
	}
	assert.Empty(t, read())
	// A report is valid for 300 ms of Redis's clock, so that a slow machine may read it too late: it is made again.
	require.Eventually(t, func() bool {
		require.NoError(t, b.lanes.ReportLags(t.Context(), map[string]time.Duration{"org:a": 30 * time.Millisecond, "org_b": time.Second}))
		require.NoError(t, other.ReportLags(t.Context(), map[string]time.Duration{"org:a": 40 * time.Millisecond}))
		lags := read()
		return len(lags) == 2 && lags["org:a"] == 40*time.Millisecond && lags["org_b"] == time.Second
	}, soon, time.Millisecond)
	require.Eventually(t, func() bool { return len(read()) == 0 }, soon, time.Millisecond, "dispatchers that have stopped")
}

func TestEmptyReportEndsLags(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	require.NoError(t, b.lanes.ReportLags(t.Context(), map[string]time.Duration{"org_a": time.Second}))
	require.NoError(t, b.lanes.ReportLags(t.Context(), nil))
	assert.Zero(t, b.Redis.Exists(t.Context(), "redrive:{deliveries}:lags").Val())
}

func TestReportOfLagsIsBounded(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	lags := map[string]time.Duration{}
	for i := range 1000 {
		lags[fmt.Sprint("org_", i)] = time.Duration(i) * time.Millisecond
	}
	require.Eventually(t, func() bool {
		require.NoError(t, b.lanes.ReportLags(t.Context(), lags))
		read, err := b.lanes.ReadLags(t.Context())
		require.NoError(t, err)
		return len(read) == 64 && read["org_999"] == 999*time.Millisecond && read["org_936"] == 936*time.Millisecond
	}, soon, time.Millisecond)
}

func TestTakeReturnsSinceWhen(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	_, waiting := b.flood(a)
	taking := b.take(60, candidateOf(waiting))
	assert.WithinDuration(t, time.Now(), taking.Tasks[0].Since, time.Minute, "a pending task")
	claimed := slices.IndexFunc(taking.Tasks, func(t queue.Taken) bool { return t.DeliveryID == waiting.DeliveryID })
	require.GreaterOrEqual(t, claimed, 0)
	assert.Equal(t, waiting.Position.DueAt.UnixMicro(), taking.Tasks[claimed].Since.UnixMicro(), "a claimed delivery")
}
