package months_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func TestConvertKeepsRowsAndIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const indexes = `SELECT c.relname || ' ' || regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING ', '') FROM pg_index i
		JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname IN ('deliveries', 'events') ORDER BY 1`
	before := w.strings(indexes)
	old := w.ended(march)
	w.divide(march)
	assert.Equal(t, before, w.strings(indexes), "the tables have the same indexes")
	assert.Equal(t, []string{
		"attempts_202604", "attempts_202605", "attempts_default", "attempts_first",
		"deliveries_202604", "deliveries_202605", "deliveries_default", "deliveries_first",
		"events_202604", "events_202605", "events_default", "events_first",
	}, w.strings(partitionsSQL))
	assert.Equal(t, []string{"{fillfactor=85}"}, w.strings(`SELECT DISTINCT reloptions::text FROM pg_class WHERE relname ~ '^deliveries_(first|default|2026..)$'`))
	assert.Empty(t, w.strings(`SELECT conname FROM pg_constraint WHERE conname LIKE '%_before_month'`))

	april := w.ended(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	for id, want := range map[string]string{old.ID: "deliveries_first", april.ID: "deliveries_202604"} {
		assert.Equal(t, want, w.place("deliveries", id))
	}
	assert.Equal(t, "events_202604", w.place("events", april.EventID))
	assert.Equal(t, "attempts_202604", w.place("attempts", april.LastAttemptID))
	for _, d := range []webhook.Delivery{old, april} {
		record, err := w.FindDelivery(t.Context(), "org", d.ID)
		require.NoError(t, err)
		assert.Equal(t, d.EventID, record.Event.ID)
		assert.Equal(t, d.LastAttemptID, record.LastAttempt.ID)
	}
}

func TestConvertLateInMonthLeavesTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC))
	w.publish(time.Date(2026, 4, 20, 0, 0, 0, 0, time.UTC))
	assert.Empty(t, w.strings(`SELECT relname FROM pg_class WHERE relname = 'deliveries_202604'`), "April belongs to the first partition")
	assert.NotEmpty(t, w.strings(`SELECT relname FROM pg_class WHERE relname = 'deliveries_202605'`))
}

func TestConvertAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	converted, err := w.PartitionByMonth(t.Context(), march.AddDate(0, 5, 0), func(string) {})
	require.NoError(t, err)
	assert.False(t, converted)
}

// Stores that have known the tables before, as processes of the version before do, publish, record and retry during the conversion.
func TestConvertBesideWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := webhook.Now()
	var failed []webhook.Delivery
	for range 200 {
		failed = append(failed, w.ended(now))
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	var mutex sync.Mutex
	var published []webhook.Delivery
	for range 3 {
		old := w.open()
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
				d := webhook.NewDelivery(event, w.endpoint, webhook.Now())
				if !assert.NoError(t, old.CreateEvent(t.Context(), event, []webhook.Delivery{d})) {
					return
				}
				d.MaxRetries = 0
				outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: webhook.Now(), ResponseStatus: 500}, webhook.Now())
				assert.NoError(t, err)
				outcome.EventType = "run.finished"
				_, err = old.RecordOutcome(t.Context(), outcome)
				assert.NoError(t, err)
				_, err = old.RetryDelivery(t.Context(), "org", d.ID, webhook.Now())
				assert.NoError(t, err)
				_, err = old.LoadDispatch(t.Context(), d.ID)
				assert.NoError(t, err)
				mutex.Lock()
				published = append(published, d)
				mutex.Unlock()
			}
		})
	}
	w.divide(now)
	time.Sleep(50 * time.Millisecond) // of writes afterwards; no verdict depends on it
	close(stop)
	group.Wait()
	for _, d := range append(failed, published...) {
		_, err := w.FindDelivery(t.Context(), "org", d.ID)
		require.NoError(t, err)
	}
}

// A conversion that was killed leaves constraints. The next run and the maintenance of any process remove them.
func TestConvertInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	constraints := func() []string {
		return w.strings(`SELECT conname FROM pg_constraint WHERE conname LIKE '%_before_month'`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.PartitionByMonth(ctx, march, func(step string) {
		if step == "dividing the tables" {
			assert.Len(t, constraints(), 3)
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, constraints(), "an interrupted conversion undoes itself")

	_, err = w.conn.Exec(t.Context(), `ALTER TABLE events ADD CONSTRAINT events_before_month CHECK (id < 'evt_01') NOT VALID`)
	require.NoError(t, err)
	_, _, err = w.MakePartitions(t.Context(), march)
	require.NoError(t, err)
	assert.Empty(t, constraints(), "maintenance undoes one that was killed")
	w.publish(march)

	_, err = w.conn.Exec(t.Context(), `ALTER TABLE events ADD CONSTRAINT events_before_month CHECK (id < 'evt_01') NOT VALID`)
	require.NoError(t, err)
	w.divide(march)
	w.publish(march)
}

func TestConvertRefusesIDsOfTheFuture(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(march.AddDate(1, 0, 0))
	_, err := w.PartitionByMonth(t.Context(), march, func(string) {})
	require.ErrorContains(t, err, "correct the clock")
	w.publish(march.AddDate(1, 0, 0))
}

func TestConvertWhileAnotherDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.open()
	_, err := w.PartitionByMonth(t.Context(), march, func(string) {
		_, err := other.PartitionByMonth(t.Context(), march, func(string) {})
		assert.ErrorIs(t, err, store.ErrPartitionsBusy)
	})
	require.NoError(t, err)
}
