package months_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func month(number time.Month) time.Time { return time.Date(2026, number, 15, 0, 0, 0, 0, time.UTC) }

func TestDropMovesWhatIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	_, _, err := w.MakePartitions(t.Context(), month(6))
	require.NoError(t, err)

	old, waiting := w.ended(month(4)), w.publish(month(4))
	late := w.fail(w.publish(month(4)), month(6))
	replayed := w.ended(month(4))
	replay := webhook.NewDelivery(webhook.Event{ID: replayed.EventID, OrganizationID: "org"}, w.endpoint, month(6))
	require.NoError(t, w.CreateDelivery(t.Context(), replay))
	early, fresh := w.ended(month(3)), w.ended(month(5))

	dropped, err := w.DropMonths(t.Context(), time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Len(t, dropped, 2)
	for i := range dropped {
		dropped[i].Locked = 0
	}
	assert.Equal(t, "first", dropped[0].Name)
	assert.EqualValues(t, 1, dropped[0].Deliveries)
	assert.Equal(t, "202604", dropped[1].Name)
	assert.Equal(t, []int64{4, 2}, []int64{dropped[1].Deliveries, dropped[1].Kept})

	for _, gone := range []webhook.Delivery{old, replayed, early} {
		assert.Empty(t, w.place("deliveries", gone.ID))
		assert.Empty(t, w.place("attempts", gone.LastAttemptID))
	}
	assert.Empty(t, w.place("events", old.EventID))
	assert.Equal(t, "deliveries_default", w.place("deliveries", waiting.ID))
	assert.Equal(t, "deliveries_default", w.place("deliveries", late.ID))
	assert.Equal(t, "attempts_default", w.place("attempts", late.LastAttemptID))
	for _, kept := range []webhook.Delivery{waiting, late, replay} {
		assert.Equal(t, "events_default", w.place("events", kept.EventID))
		_, err := w.LoadDispatch(t.Context(), kept.ID)
		require.NoError(t, err)
	}
	assert.Equal(t, "deliveries_202605", w.place("deliveries", fresh.ID))
	assert.Empty(t, w.strings(`SELECT relname FROM pg_class WHERE relname ~ '202604|first|detached|changed'`))
	assert.Empty(t, w.strings(`SELECT proname FROM pg_proc WHERE proname LIKE '%changed'`))

	w.fail(waiting, month(6)) // what was moved goes on
	_, err = w.RetryDelivery(t.Context(), "org", late.ID, month(6))
	require.NoError(t, err)
	again, err := w.DropMonths(t.Context(), time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	assert.Empty(t, again)
}

// The amounts are known when PostgreSQL has lost the statistics of activity, as in a crash or a failover.
func TestDropCountsWithoutStatisticsOfActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	for range 3 {
		w.ended(month(3))
	}
	require.NoError(t, w.Close(), "its connections report their activity at their end")
	require.Eventually(t, func() bool {
		return len(w.strings("SELECT 'x' FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")) == 0
	},
		time.Minute, time.Millisecond)
	for _, statement := range []string{"ANALYZE", "SELECT pg_stat_reset()"} {
		_, err := w.conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	attempts, events := w.strings("SELECT id FROM attempts_first"), w.strings("SELECT id FROM events_first")
	dropped, err := w.open().DropMonths(t.Context(), month(5))
	require.NoError(t, err)
	require.NotEmpty(t, dropped)
	assert.EqualValues(t, len(attempts), dropped[0].Attempts)
	assert.EqualValues(t, len(events), dropped[0].Events)
}

func TestDropLeavesMonthThatHasNotPassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	d := w.ended(month(4))
	dropped, err := w.DropMonths(t.Context(), time.Date(2026, 4, 30, 23, 59, 59, 0, time.UTC))
	require.NoError(t, err)
	require.Len(t, dropped, 1, "the first partition ends with March")
	assert.Equal(t, "deliveries_202604", w.place("deliveries", d.ID))
}

func TestDropOfTablesThatAreNotDivided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.ended(march)
	dropped, err := w.DropMonths(t.Context(), march.AddDate(1, 0, 0))
	require.NoError(t, err)
	assert.Empty(t, dropped)
	layout, missing, err := w.MakePartitions(t.Context(), march)
	require.NoError(t, err)
	assert.Empty(t, missing)
	assert.False(t, layout.Divided)
	assert.Equal(t, "deliveries", w.place("deliveries", d.ID))
}

// What an interrupted drop leaves is removed by the next one.
func TestDropInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	for _, statement := range []string{
		"CREATE TABLE deliveries_202601_detached (id text)",
		`CREATE TABLE deliveries_first_changed (id text COLLATE "C" NOT NULL)`,
		"CREATE FUNCTION deliveries_first_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''left''; END'",
		"CREATE TRIGGER deliveries_first_changed AFTER INSERT OR UPDATE ON deliveries_first FOR EACH ROW EXECUTE FUNCTION deliveries_first_changed()",
	} {
		_, err := w.conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err := w.DropMonths(t.Context(), march)
	require.NoError(t, err)
	w.ended(march)
	dropped, err := w.DropMonths(t.Context(), month(5))
	require.NoError(t, err)
	require.Len(t, dropped, 2)
	assert.Empty(t, w.strings(`SELECT relname FROM pg_class WHERE relname ~ 'detached|changed'`))
}

// A delivery that is retried after the month was scanned is kept, although nothing was to be kept then.
func TestDropKeepsWhatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	old, retried := w.ended(month(4)), w.ended(month(4))
	_, err := w.DropMonths(t.Context(), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	blocker, err := w.connect().Begin(t.Context())
	require.NoError(t, err)
	_, err = blocker.Exec(t.Context(), "LOCK TABLE ONLY attempts IN ACCESS SHARE MODE")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := w.DropMonths(t.Context(), month(5))
		done <- err
	}()
	const waits = `SELECT 'waits' FROM pg_locks WHERE NOT granted AND relation = CAST('attempts' AS regclass) AND mode = 'AccessExclusiveLock'
		AND EXISTS (SELECT FROM pg_class WHERE relname = 'deliveries_202604_changed')`
	require.Eventually(t, func() bool { return len(w.strings(waits)) > 0 }, time.Minute, time.Millisecond, "the month is scanned and about to be detached")
	_, err = w.RetryDelivery(t.Context(), "org", retried.ID, month(5))
	require.NoError(t, err)
	require.NoError(t, blocker.Rollback(t.Context()))
	require.NoError(t, <-done)
	assert.Empty(t, w.place("deliveries", old.ID))
	assert.Equal(t, "deliveries_default", w.place("deliveries", retried.ID))
	assert.Equal(t, "attempts_default", w.place("attempts", retried.LastAttemptID))
	assert.Equal(t, "events_default", w.place("events", retried.EventID))
}

// A process that has learned of a partition goes on after another process has dropped it.
func TestDropInAnotherProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	other := w.open()
	loaded, retried, recorded := w.publish(month(4)), w.ended(month(4)), w.publish(month(4))
	for _, work := range []func() error{
		func() error { _, err := other.LoadDispatch(t.Context(), loaded.ID); return err },
		func() error { _, err := other.RetryDelivery(t.Context(), "org", retried.ID, month(5)); return err },
		func() error {
			outcome, err := webhook.Policy{}.Decide(recorded, webhook.Result{StartedAt: month(5), ResponseStatus: 200}, month(5))
			require.NoError(t, err)
			outcome.EventType = "run.finished"
			_, err = other.RecordOutcome(t.Context(), outcome)
			return err
		},
	} {
		require.NoError(t, other.CheckSchema(t.Context())) // learns the partitions
		_, err := w.conn.Exec(t.Context(), "ALTER TABLE deliveries_first RENAME TO deliveries_away; ALTER TABLE deliveries_202604 RENAME TO deliveries_gone")
		require.NoError(t, err)
		require.NoError(t, work())
		_, err = w.conn.Exec(t.Context(), "ALTER TABLE deliveries_away RENAME TO deliveries_first; ALTER TABLE deliveries_gone RENAME TO deliveries_202604")
		require.NoError(t, err)
	}
}
