package queue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestCloseLaneUnlessChanged(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	b.flood(a)
	state, _ := b.state(a)
	require.Equal(t, queue.Backlogged, b.Put(itemIn(a)))
	closed, err := b.lanes.Close(t.Context(), a, state)
	require.NoError(t, err)
	assert.False(t, closed, "a delivery was added meanwhile")

	state, _ = b.state(a)
	b.take(60, candidateOf(itemIn(a)))
	closed, err = b.lanes.Close(t.Context(), a, state)
	require.NoError(t, err)
	assert.False(t, closed, "the cursor moved meanwhile")

	state, _ = b.state(a)
	closed, err = b.lanes.Close(t.Context(), a, state)
	require.NoError(t, err)
	assert.True(t, closed)
	_, open := b.state(a)
	assert.False(t, open)
}

// Two dispatchers read the lane of a paused endpoint, which is empty. One closes it. The endpoint is resumed before the other one closes it.
func TestCloseLaneThatWasOpenedAgain(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := []webhook.Lane{laneOf("org_a", "ep_a")}
	require.NoError(t, b.lanes.Open(t.Context(), a))
	before, _ := b.state(a[0])
	closed, err := b.lanes.Close(t.Context(), a[0], before)
	require.NoError(t, err)
	require.True(t, closed)
	require.NoError(t, b.lanes.Open(t.Context(), a))
	closed, err = b.lanes.Close(t.Context(), a[0], before)
	require.NoError(t, err)
	assert.False(t, closed)
}

func TestOpenCountsAsAdded(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	before := b.take(1).Added
	require.NoError(t, b.lanes.Open(t.Context(), []webhook.Lane{laneOf("org_a", "ep_a")}))
	assert.Greater(t, b.take(1).Added, before, "dispatchers look at the lanes")
}

// A dispatcher finds the lane of a paused endpoint empty. The endpoint is resumed before the dispatcher closes the lane.
func TestOpenLaneIsNotClosedByEarlierState(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	require.NoError(t, b.lanes.Open(t.Context(), []webhook.Lane{a}))
	before, _ := b.state(a)
	require.NoError(t, b.lanes.Open(t.Context(), []webhook.Lane{a}))
	closed, err := b.lanes.Close(t.Context(), a, before)
	require.NoError(t, err)
	assert.False(t, closed)
	now, open := b.state(a)
	assert.True(t, open)
	closed, err = b.lanes.Close(t.Context(), a, now)
	require.NoError(t, err)
	assert.True(t, closed)
}
