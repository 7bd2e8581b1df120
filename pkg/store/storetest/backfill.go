package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Forgetting deletes statistics of a store from outside, as if processes had worked that do not count: everything, or what is not merged.
type Forgetting struct{ Everything, NotMerged func() }

// RunBackfill tests the backfill of statistics. open returns an empty, migrated store.
func RunBackfill(t *testing.T, open func(t *testing.T) (*store.Store, Forgetting)) {
	for name, test := range map[string]func(*testing.T, *store.Store, Forgetting){
		"hours": testBackfillHours, "days": testBackfillDays, "concurrent": testBackfillConcurrent,
	} {
		t.Run(name, func(t *testing.T) {
			s, forgetting := open(t)
			test(t, s, forgetting)
		})
	}
}

// backfill counts again and returns how many counts of organizations were replaced and kept.
func backfill(t testing.TB, s *store.Store, now time.Time) (replaced, kept int) {
	t.Helper()
	last := webhook.HourOf(now) + 1
	require.NoError(t, s.BackfillStatistics(t.Context(), now, func(done store.Backfilled) {
		assert.Equal(t, last, done.From+done.Hours, "newest first, without gaps")
		last = done.From
		replaced += done.Replaced
		kept += done.Kept
	}))
	return replaced, kept
}

// newBackfillWorld makes a world whose failures are not retried: rows do not show a failure without an attempt after a retry.
func newBackfillWorld(t *testing.T, s *store.Store, seed uint64) *statisticsWorld {
	t.Helper()
	w := newStatisticsWorld(t, s, seed)
	w.neverRetry = true
	return w
}

func (w *statisticsWorld) steps(count int) {
	for range count {
		w.step()
		w.clock = w.clock.Add(time.Minute)
	}
}

// compare compares the statistics with the model, and restores the model.
func (w *statisticsWorld) compare() {
	w.t.Helper()
	checked := w.model
	w.operational()
	equalStatistics(w.t, w.store, &w.model, w.endpointIDs(), w.types)
	w.model = checked
}

func testBackfillHours(t *testing.T, s *store.Store, forget Forgetting) {
	w := newBackfillWorld(t, s, 11)
	w.steps(150)
	merge(t, s, 100)
	forget.Everything()
	known, err := s.KnowsCounts(t.Context())
	require.NoError(t, err)
	assert.False(t, known, "processes of the version before may run")

	replaced, kept := backfill(t, s, w.clock)
	assert.Positive(t, replaced)
	assert.Zero(t, kept)
	known, err = s.KnowsCounts(t.Context())
	require.NoError(t, err)
	assert.True(t, known)
	assert.Equal(t, webhook.HourOf(statisticsDay.Add(20*time.Hour)), sinceOf(t, s), "the oldest row")
	w.compare()

	replaced, kept = backfill(t, s, w.clock)
	assert.Zero(t, replaced, "again")
	assert.Positive(t, kept)
	w.compare()

	w.steps(40) // counted
	replaced, _ = backfill(t, s, w.clock)
	assert.Zero(t, replaced)
	w.compare()
	w.steps(40) // of these, some are not counted
	forget.NotMerged()
	w.steps(10)
	replaced, _ = backfill(t, s, w.clock)
	assert.Positive(t, replaced)
	w.compare()

	_, err = s.PurgeDeliveries(t.Context(), w.clock, "", 10_000)
	require.NoError(t, err)
	_, err = s.PurgeEvents(t.Context(), w.clock, "", 10_000)
	require.NoError(t, err)
	replaced, _ = backfill(t, s, w.clock)
	assert.Zero(t, replaced, "what was purged stays counted")
}

func sinceOf(t testing.TB, s *store.Store) webhook.Hour {
	t.Helper()
	_, since, err := s.ReadStatistics(t.Context(), webhook.StatisticsQuery{OrganizationID: org, Interval: webhook.IntervalHour})
	require.NoError(t, err)
	require.NotNil(t, since)
	return *since
}

// testBackfillDays counts what happened longer ago than hours are kept. It is stored by day.
func testBackfillDays(t *testing.T, s *store.Store, forget Forgetting) {
	w := newBackfillWorld(t, s, 12)
	w.clock = statisticsDay.Add(23 * time.Hour)
	w.steps(150)
	forget.Everything()
	later := w.clock.Add((webhook.HoursKept + 3) * 24 * time.Hour)
	replaced, _ := backfill(t, s, later)
	assert.Equal(t, 2, replaced, "two days")
	w.operational()
	equalDays := func() {
		for _, endpointID := range append(w.endpointIDs(), "") {
			for _, eventType := range append(w.types, "") {
				assert.Equal(t, w.model.of(24*time.Hour, endpointID, eventType), readStatistics(t, s, webhook.IntervalDay, endpointID, eventType))
			}
		}
	}
	equalDays()
	assert.Empty(t, readStatistics(t, s, webhook.IntervalHour, "", ""))

	// Hours that were counted and are moved to their days later are not counted twice.
	forget.Everything()
	backfill(t, s, w.clock)
	equalDays()
	purge := func(limit int) int64 {
		purged, err := s.PurgeStatistics(t.Context(), later, limit)
		require.NoError(t, err)
		return purged
	}
	assert.GreaterOrEqual(t, purge(7), int64(7), "a day is in both tables")
	replaced, kept := backfill(t, s, later)
	assert.Equal(t, []int{0, 2}, []int{replaced, kept})
	equalDays()
	purge(10_000)
	assert.Zero(t, purge(10_000))
	equalDays()
}

// testBackfillConcurrent counts again while others publish, record and merge.
func testBackfillConcurrent(t *testing.T, s *store.Store, _ Forgetting) {
	w := newStatisticsWorld(t, s, 13)
	now := statisticsDay.Add(30 * time.Hour)
	done := worksBeside(t, w, func(ctx context.Context) {
		for ctx.Err() == nil {
			_ = s.BackfillStatistics(ctx, now, func(store.Backfilled) {}) // a merge may be faster each time
			_ = mergeAll(ctx, s, 5)
		}
	})
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
	merge(t, s, 1000)
	backfill(t, s, now)
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
}
