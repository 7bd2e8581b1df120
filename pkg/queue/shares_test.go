package queue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestSharesCountPendingTasks(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	shares := func() queue.Shares {
		t.Helper()
		read, err := b.lanes.Shares(t.Context())
		require.NoError(t, err)
		return read
	}
	assert.Equal(t, queue.Shares{}, shares())
	full, _ := b.flood(laneOf("org_a", "ep_a"))
	head := laneOf("org_a", "ep_a")
	head.Priority = webhook.PriorityHead
	b.Put(itemIn(head))
	b.Put(itemIn(laneOf("org_b", "ep_b")))
	assert.Equal(t, queue.Shares{Number: 3, Largest: full}, shares())
	b.take(full)
	b.take(2)
	assert.Equal(t, queue.Shares{}, shares(), "nothing is pending")
}
