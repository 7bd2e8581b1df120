package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

func ids(due []store.Due) []string {
	list := make([]string, len(due))
	for i, d := range due {
		list[i] = d.ID
	}
	return list
}

func TestPassEnqueuesOverdue(t *testing.T) {
	t.Parallel()
	table, q := newRows(3), &fakeQueue{}
	table.due = append(table.due, store.Due{ID: "dlv_90000", Status: webhook.StatusRetrying, NextRetryAt: webhook.Now().Add(-grace / 2)}, store.Due{ID: "dlv_90001", NextRetryAt: webhook.Now().Add(time.Hour)})
	r, registry := newReconciler(table, q, 0)
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[:3]), q.take(), "and no delivery that may still be in an attempt")
	assert.Equal(t, 1, q.announced, "on every pass: Redis may have been emptied")
	assert.InDelta(t, 3, testmetrics.Sum(t, registry, "redrive_reconciled_total"), 0)

	require.NoError(t, r.Pass(t.Context()))
	assert.Len(t, q.take(), 3, "again, since they are still due")
}

// A pass continues after the last delivery of the pass before, and begins again after the last one of all.
func TestPassContinuesAfterCursor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ total, perPass, passes int }{
		{total: 10, perPass: 3, passes: 4},
		{total: 9, perPass: 3, passes: 4}, // the fourth finds that there is no more
		{total: 1, perPass: 1, passes: 2},
		{total: 1300, perPass: 1000, passes: 2},
		{total: 1300, perPass: 700, passes: 2},
		{total: 1300, perPass: 10_000, passes: 1},
		{total: 1000, perPass: 10_000, passes: 1},
		{total: 0, perPass: 10, passes: 1},
	} {
		table, q := newRows(c.total), &fakeQueue{}
		r, _ := newReconciler(table, q, c.perPass)
		for range 2 { // the second round shows that it starts from the beginning
			var found []string
			for range c.passes {
				require.NoError(t, r.Pass(t.Context()))
				passed := q.take()
				assert.LessOrEqual(t, len(passed), c.perPass)
				found = append(found, passed...)
			}
			assert.ElementsMatch(t, ids(table.due), found, "%+v", c)
		}
		for _, limit := range table.asked {
			assert.LessOrEqual(t, limit, 500)
		}
	}
}

// A pass ends when Redis is unavailable, and the next one repeats the batch that failed.
func TestPassRedisUnavailableKeepsCursor(t *testing.T) {
	t.Parallel()
	table, q := newRows(1500), &fakeQueue{}
	r, registry := newReconciler(table, q, 500)
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[:500]), q.take())

	q.during = func(id string) {
		if id >= "dlv_00700" {
			q.mutex.Lock()
			defer q.mutex.Unlock()
			q.away = true
		}
	}
	require.ErrorIs(t, r.Pass(t.Context()), errAway)
	before := len(q.take())
	assert.Less(t, before, 300, "it does not go on asking")
	require.ErrorIs(t, r.Pass(t.Context()), errAway)
	assert.Empty(t, q.take())
	assert.InDelta(t, 1000, testmetrics.Sum(t, registry, "redrive_reconciled_total"), 0, "what was looked at counts all the same")

	q.during, q.away = nil, false
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[500:1000]), q.take())
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[1000:]), q.take())
}

func TestPassDatabaseUnavailableKeepsCursor(t *testing.T) {
	t.Parallel()
	table, q := newRows(4), &fakeQueue{}
	r, _ := newReconciler(table, q, 2)
	require.NoError(t, r.Pass(t.Context()))
	q.take()
	table.err = errors.New("away")
	require.ErrorIs(t, r.Pass(t.Context()), table.err)
	assert.Empty(t, q.take())
	table.err = nil
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[2:]), q.take())
}

// A task that cannot be enqueued does not keep the others from being enqueued.
func TestPassOneTaskFailsOthersEnqueued(t *testing.T) {
	t.Parallel()
	table := newRows(600)
	q := &fakeQueue{bad: map[string]error{"dlv_00000": errors.New("its task did not stand still"), "dlv_00550": errors.New("no such type")}}
	r, _ := newReconciler(table, q, 0)
	for range 2 {
		require.NoError(t, r.Pass(t.Context()))
		assert.Len(t, q.take(), 598)
	}
}

func TestPassContextEndsStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	q := &fakeQueue{during: func(string) { cancel() }}
	r, _ := newReconciler(newRows(1000), q, 0)
	require.ErrorIs(t, r.Pass(ctx), context.Canceled)
	assert.Less(t, len(q.take()), 100)
}

// A pass enqueues exactly the deliveries that are not queued. It counts an orphan before it enqueues it.
func TestPassEveryTaskState(t *testing.T) {
	t.Parallel()
	states := []queue.TaskState{queue.Missing, queue.Waiting, queue.Late, queue.Running, queue.Ended, queue.Orphan, queue.Phantom}
	table, q := newRows(len(states)), &fakeQueue{states: map[string]queue.TaskState{}}
	var lost []string
	for i, state := range states {
		q.states[table.due[i].ID] = state
		if !state.IsQueued() {
			lost = append(lost, table.due[i].ID)
		}
	}
	r, registry := newReconciler(table, q, 0)
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, lost, q.take())
	assert.Len(t, lost, 5)
	assert.Equal(t, []string{table.due[5].ID}, q.orphaned)
	assert.InDelta(t, len(states), testmetrics.Sum(t, registry, "redrive_reconciled_total"), 0)
}

// A pass verifies tasks that have been due for minutes, and at most 50 of them.
func TestPassVerifiesSample(t *testing.T) {
	t.Parallel()
	table, q := newRows(40), &fakeQueue{}
	fresh := store.Due{ID: "dlv_90000", NextRetryAt: webhook.Now().Add(-2 * time.Minute)}
	table.due = append(table.due, fresh)
	r, _ := newReconciler(table, q, 0)
	require.NoError(t, r.Pass(t.Context()))
	assert.ElementsMatch(t, ids(table.due[:40]), q.verified)

	many := newRows(5_000)
	table.due = many.due
	everChecked := map[string]bool{}
	for range 20 {
		q.verified = nil
		require.NoError(t, r.Pass(t.Context()))
		assert.LessOrEqual(t, len(q.verified), 50)
		for _, id := range q.verified {
			everChecked[id] = true
		}
	}
	assert.Greater(t, len(everChecked), 500, "not the same ones every time")
}
