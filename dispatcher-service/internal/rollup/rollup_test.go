package rollup_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/rollup"
	"redrive/pkg/store"
	"redrive/pkg/testlog"
	"redrive/pkg/testmetrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deltas is a store with deltas. Each batch takes a while.
type deltas struct {
	mutex sync.Mutex
	left  int
	takes time.Duration
	err   error
	began []time.Time
}

func (d *deltas) MergeStatistics(_ context.Context, _ store.DeltaPosition, limit int) (store.MergedStatistics, error) {
	time.Sleep(d.takes)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.began = append(d.began, time.Now().Add(-d.takes))
	if d.err != nil {
		return store.MergedStatistics{}, d.err
	}
	merged := min(d.left, limit)
	d.left -= merged
	return store.MergedStatistics{Deltas: merged, More: merged == limit}, nil
}

func newMerger(d *deltas) (*rollup.Merger, *testlog.Buffer, *prometheus.Registry) {
	log, registry := new(testlog.Buffer), prometheus.NewRegistry()
	return rollup.New(d, slog.New(slog.NewJSONHandler(log, nil)), registry), log, registry
}

func TestRunMergesAllBatches(t *testing.T) {
	d := &deltas{left: 12_000}
	merger, _, registry := newMerger(d)
	require.NoError(t, merger.Run(t.Context()))
	assert.Len(t, d.began, 3)
	assert.Equal(t, 12_000.0, testmetrics.Sum(t, registry, "redrive_statistics_merged_total"))
}

// TestStartRestsLongerThanItWorks has a merge that takes a second. The pause is nine times as long.
func TestStartRestsLongerThanItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deltas{takes: time.Second}
		merger, _, _ := newMerger(d)
		merger.Start()
		time.Sleep(35 * time.Second)
		require.NoError(t, merger.Stop(t.Context()))
		require.GreaterOrEqual(t, len(d.began), 3)
		assert.Equal(t, 10*time.Second, d.began[1].Sub(d.began[0]))
	})
}

func TestStartIdlePollsEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deltas{}
		merger, _, _ := newMerger(d)
		require.NoError(t, merger.Stop(t.Context()), "before Start")
		merger.Start()
		time.Sleep(10*time.Second + time.Millisecond)
		require.NoError(t, merger.Stop(t.Context()))
		require.NoError(t, merger.Stop(t.Context()))
		assert.Len(t, d.began, 11)
	})
}

func TestStartStoreFailsLogsOnceAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deltas{left: 3, err: errors.New("unavailable")}
		merger, log, registry := newMerger(d)
		merger.Start()
		time.Sleep(5 * time.Second)
		d.mutex.Lock()
		d.err = nil
		d.mutex.Unlock()
		time.Sleep(2 * time.Second)
		require.NoError(t, merger.Stop(t.Context()))
		assert.Equal(t, 3.0, testmetrics.Sum(t, registry, "redrive_statistics_merged_total"))
		assert.Equal(t, 1, strings.Count(log.String(), "statistics not merged"))
		assert.Equal(t, 1, strings.Count(log.String(), "statistics are merged again"))
	})
}
