package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/webhook"
)

func TestEnqueueNotifiesIdleDispatcher(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	notified, stop := b.lanes.Notifications(t.Context())
	require.Eventually(t, func() bool { // until the subscription is there
		assert.Empty(t, b.take(1).Tasks)
		require.Equal(t, queue.Queued, b.Put(itemIn(laneOf("org_a", "ep_a"))))
		require.Len(t, b.take(1).Tasks, 1)
		select {
		case <-notified:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	}, soon, time.Millisecond)
	require.NoError(t, stop())
}

func TestTakeOfFewTasksIsFollowedByNotification(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	b.Put(itemIn(a))
	b.Put(itemIn(a))
	assert.Len(t, b.take(1).Tasks, 1)
	assert.Zero(t, b.Redis.Exists(t.Context(), "redrive:{deliveries}:idle").Val(), "there may be more")
	assert.Len(t, b.take(2).Tasks, 1)
	assert.Equal(t, int64(1), b.Redis.Exists(t.Context(), "redrive:{deliveries}:idle").Val(), "the next enqueue notifies")
}

func TestTakeNamesPeers(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	assert.Equal(t, queue.PeersUnknown, b.take(1).Peers, "none has waited")
	assert.Equal(t, queue.NoPeers, b.take(1).Peers)
	other := queue.NewLanes(b.Redis)
	taking, err := other.Take(t.Context(), webhook.QueueDeliveries, 1, nil)
	require.NoError(t, err)
	assert.Equal(t, queue.OtherPeers, taking.Peers)
	assert.Equal(t, queue.OtherPeers, b.take(1).Peers)
	assert.Equal(t, queue.NoPeers, b.take(1).Peers, "the other waits no more")
}

func TestTakeReturnsWhenNextTaskIsDue(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	assert.True(t, b.take(1).Later.After(time.Now().AddDate(100, 0, 0)), "none is scheduled")
	item := queuetest.NewItem()
	item.DueAt = time.Now().Add(time.Hour)
	b.Put(item)
	assert.WithinDuration(t, item.DueAt, b.take(1).Later, time.Second)
	b.Put(itemIn(laneOf("org_a", "ep_a")))
	assert.Zero(t, b.take(1).Later, "there may be more to take")
}
