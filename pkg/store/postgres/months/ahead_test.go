package months_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAheadMakesComingMonths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	layout, missing, err := w.MakePartitions(t.Context(), month(5))
	require.NoError(t, err)
	assert.Empty(t, missing)
	last := layout.Parts[len(layout.Parts)-1]
	assert.Equal(t, "202607", last.Suffix)
	assert.Equal(t, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), last.To)
	assert.Equal(t, "deliveries_202607", w.place("deliveries", w.ended(month(7)).ID))
	assert.Len(t, w.strings(`SELECT indexname FROM pg_indexes WHERE tablename = 'deliveries_202607' AND indexname NOT LIKE '%\_202607'`), 0)
	assert.Contains(t, w.strings(`SELECT indexname FROM pg_indexes WHERE tablename = 'attempts_202607'`), "attempts_pkey_202607")

	again, _, err := w.MakePartitions(t.Context(), month(5))
	require.NoError(t, err)
	assert.Equal(t, layout, again)
}

// A clock that is months ahead writes to the default partition. Its month then has no partition of its own, and the others get theirs.
func TestAheadWithRowsInDefaultPartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.divide(march)
	stray, before := w.ended(month(7)), w.publish(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
	assert.Equal(t, "deliveries_default", w.place("deliveries", stray.ID))
	assert.Equal(t, "deliveries_first", w.place("deliveries", before.ID))
	_, missing, err := w.MakePartitions(t.Context(), month(6))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"events_202607", "deliveries_202607", "attempts_202607"}, missing)
	assert.Equal(t, "deliveries_202608", w.place("deliveries", w.ended(month(8)).ID))
	_, err = w.RetryDelivery(t.Context(), "org", stray.ID, month(7))
	require.NoError(t, err)
	record, err := w.FindDelivery(t.Context(), "org", stray.ID)
	require.NoError(t, err)
	w.fail(record.Delivery, month(7))
	_, err = w.PurgeDeliveries(t.Context(), month(9), "", 10)
	require.NoError(t, err)
	assert.Empty(t, w.place("deliveries", stray.ID), "the purge in batches reaches the default partition")
}
