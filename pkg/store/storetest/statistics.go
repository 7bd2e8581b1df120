package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// merge merges all deltas, in batches.
func merge(t testing.TB, s *store.Store, limit int) {
	t.Helper()
	require.NoError(t, mergeAll(t.Context(), s, limit))
}

func mergeAll(ctx context.Context, s *store.Store, limit int) error {
	var after store.DeltaPosition
	for {
		merged, err := s.MergeStatistics(ctx, after, limit)
		if err != nil || !merged.More {
			return err
		}
		after = merged.After
	}
}

// statisticsDay is the day of the tests of statistics.
var statisticsDay = time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)

// read returns what was counted in the two days from statisticsDay on, by the beginning of an interval.
func readStatistics(t testing.TB, s *store.Store, interval webhook.Interval, endpointID, eventType string) map[time.Time]webhook.Counts {
	t.Helper()
	from := webhook.HourOf(statisticsDay)
	q := webhook.StatisticsQuery{
		OrganizationID: org, EndpointID: endpointID, EventType: eventType, Interval: interval, From: from, To: from + 48,
	}
	counted, since, err := s.ReadStatistics(t.Context(), q)
	require.NoError(t, err)
	require.NotNil(t, since, "a new database counts everything")
	read := map[time.Time]webhook.Counts{}
	for _, interval := range q.Statistics(counted, since, statisticsDay.Add(time.Hour*48)).Series {
		if interval.Created+interval.Events+interval.Attempts+interval.Failed > 0 {
			read[interval.Start] = interval.Counts
		}
	}
	return read
}

// testStatisticsEqualModel does random things and merges at random moments. The statistics always equal a full count, before and after a
// merge.
func testStatisticsEqualModel(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 7)
	for i := range 200 / walkShare {
		w.step()
		if w.clock = w.clock.Add(time.Minute); w.random.IntN(20) == 0 {
			merge(t, s, 1+w.random.IntN(10))
		}
		if i%50 == 49 {
			checked := w.model
			w.operational()
			equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
			w.model = checked
		}
	}
	// The deliveries of a deleted endpoint end, and its statistics remain.
	_, err := s.ChangeEndpoint(t.Context(), org, w.endpoints[0].ID, webhook.Deleting("key_x", w.clock))
	require.NoError(t, err)
	_, err = s.EndDeleted(t.Context(), statisticsDay, w.clock, 1000)
	require.NoError(t, err)
	for i, d := range w.known {
		if d.EndpointID == w.endpoints[0].ID && d.Status.Waiting() {
			w.ended(i, d)
		}
	}
	w.operational()
	equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
	merge(t, s, 1000)
	equalStatistics(t, s, &w.model, w.endpointIDs(), w.types)
}

// testStatisticsTypes publishes more event types in a day than are counted by name, while they are merged.
func testStatisticsTypes(t *testing.T, s *store.Store) {
	const types = webhook.CountedTypes + 20
	w := newWorld(t, s)
	publish := func(eventType string, at time.Time) {
		event := webhook.NewEvent(org, webhook.EventSpec{Type: eventType, Data: []byte(`{}`)}, at)
		assert.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{webhook.NewDelivery(event, w.endpoint, at)}))
	}
	var working sync.WaitGroup
	for worker := range 2 {
		working.Go(func() {
			for i := range types {
				publish(fmt.Sprintf("type.%d", (i*(worker+1))%types), statisticsDay.Add(time.Hour))
				if i%10 == 0 {
					assert.NoError(t, mergeAll(t.Context(), s, 15))
				}
			}
		})
	}
	working.Wait()
	created := func(eventType string) (count int64) {
		for _, counts := range readStatistics(t, s, webhook.IntervalDay, "", eventType) {
			count += counts.Created
		}
		return count
	}
	compare := func() {
		named, total := 0, created(webhook.OtherType)
		for i := range types {
			if count := created(fmt.Sprintf("type.%d", i)); count > 0 {
				named++
				total += count
			}
		}
		assert.Equal(t, webhook.CountedTypes, named)
		assert.Equal(t, int64(2*types), total, "each counts once")
		assert.Equal(t, int64(2*types), created(""))
	}
	compare()
	merge(t, s, 1000)
	compare()
	other := created(webhook.OtherType)
	publish(webhook.OtherType, statisticsDay.Add(time.Hour))
	publish("type.new", statisticsDay.Add(2*time.Hour))
	assert.Equal(t, other+2, created(webhook.OtherType))
	publish("type.new", statisticsDay.Add(25*time.Hour))
	assert.Equal(t, int64(1), created("type.new"), "each day has its own")
}

// testStatisticsRetention adds old hours to their days, and deletes old days.
func testStatisticsRetention(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 3)
	for range 100 {
		w.step()
		w.clock = w.clock.Add(10 * time.Minute)
	}
	w.operational()
	merge(t, s, 1000)
	before := readStatistics(t, s, webhook.IntervalDay, "", "")
	require.Len(t, before, 2)

	purge := func(now time.Time, limit int) (purged int64) {
		for {
			deleted, err := s.PurgeStatistics(t.Context(), now, limit)
			require.NoError(t, err)
			if purged += deleted; deleted == 0 {
				return purged
			}
		}
	}
	kept := statisticsDay.Add(webhook.HoursKept * 24 * time.Hour)
	assert.Zero(t, purge(kept.Add(24*time.Hour-time.Second), 500), "hours are kept for 35 days")
	assert.NotZero(t, purge(kept.Add(24*time.Hour), 3), "the first day")
	hours := readStatistics(t, s, webhook.IntervalHour, "", "")
	for start := range hours {
		assert.False(t, start.Before(statisticsDay.Add(24*time.Hour)))
	}
	assert.NotEmpty(t, hours)
	equalDays := func() {
		for _, endpointID := range append(w.endpointIDs(), "") {
			assert.Equal(t, w.model.of(24*time.Hour, endpointID, ""), readStatistics(t, s, webhook.IntervalDay, endpointID, ""))
		}
	}
	equalDays()
	purge(kept.Add(48*time.Hour), 500)
	assert.Empty(t, readStatistics(t, s, webhook.IntervalHour, "", ""))
	equalDays()

	last := statisticsDay.Add(webhook.DaysKept * 24 * time.Hour)
	assert.Zero(t, purge(last.Add(24*time.Hour-time.Second), 500), "days are kept for 400 days")
	purge(last.Add(24*time.Hour), 500)
	assert.Len(t, readStatistics(t, s, webhook.IntervalDay, "", ""), 1)
	purge(last.Add(48*time.Hour), 500)
	assert.Empty(t, readStatistics(t, s, webhook.IntervalDay, "", ""))
}
