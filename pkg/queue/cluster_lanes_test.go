package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Lanes are enqueued to, claimed from, swept and closed on a cluster. Every script uses several keys, so all of them are in one slot.
func TestClusterLanes(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for name, url := range urlsOf(cluster) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, cluster.FlushAll(t.Context()))
			shared := newBench(t, url)
			b := backlogBench{shared, queue.NewLanes(shared.Redis)}
			b.laneOnCluster()
			b.notifiedOnCluster()
			for _, key := range keysOf(t, cluster) {
				assert.True(t, strings.Contains(key, "{"+webhook.QueueDeliveries+"}") || key == "asynq:queues", key)
			}
		})
	}
}

// laneOnCluster takes one lane through its life.
func (b backlogBench) laneOnCluster() {
	b.t.Helper()
	ctx, a := b.t.Context(), laneOf("org_a", "ep_a")
	require.NoError(b.t, b.lanes.Open(ctx, []webhook.Lane{laneOf("org_b", "ep_b")}))
	pending, first := b.flood(a)
	second := itemIn(a)
	added, err := b.lanes.Add(ctx, a, second.Position, 1)
	require.NoError(b.t, err)
	require.True(b.t, added)
	shares, err := b.lanes.Shares(ctx)
	require.NoError(b.t, err)
	assert.Equal(b.t, queue.Shares{Number: 1, Largest: pending}, shares)

	missing, err := b.lanes.WithoutTask(ctx, webhook.QueueDeliveries, []string{first.DeliveryID, second.DeliveryID})
	require.NoError(b.t, err)
	assert.Equal(b.t, []string{first.DeliveryID, second.DeliveryID}, missing)
	taking := b.take(pending+2, candidateOf(first), candidateOf(second))
	assert.Len(b.t, taking.Tasks, pending+2)
	assert.Equal(b.t, []queue.Fate{queue.Claimed, queue.Claimed}, taking.Fates)
	require.NoError(b.t, b.lanes.HandBack(ctx, webhook.QueueDeliveries, taking.Tasks[:1]))
	assert.Len(b.t, b.take(2).Tasks, 1)

	keep, err := b.lanes.Defer(ctx, first.DeliveryID, first.Queue, a)
	require.NoError(b.t, err)
	assert.False(b.t, keep, "its lane is in backlog")
	state, open := b.state(a)
	require.True(b.t, open)
	assert.Equal(b.t, second.Position, state.Cursor)
	closed, err := b.lanes.Close(ctx, a, state)
	require.NoError(b.t, err)
	assert.True(b.t, closed)
	keep, err = b.lanes.Defer(ctx, first.DeliveryID, first.Queue, a)
	require.NoError(b.t, err)
	assert.True(b.t, keep, "it is not any more")
}

// notifiedOnCluster has an enqueue notify a dispatcher that found nothing.
func (b backlogBench) notifiedOnCluster() {
	b.t.Helper()
	notified, stop := b.lanes.Notifications(b.t.Context())
	require.Eventually(b.t, func() bool { // until the subscription is there
		for len(b.take(16).Tasks) > 0 {
			continue
		}
		require.Equal(b.t, queue.Queued, b.Put(itemIn(laneOf("org_c", "ep_c"))))
		select {
		case <-notified:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	}, soon, time.Millisecond)
	require.NoError(b.t, stop())
}

// keysOf returns all keys of a cluster.
func keysOf(t *testing.T, cluster *testservers.RedisCluster) (keys []string) {
	t.Helper()
	for _, node := range cluster.Nodes() {
		direct := newBench(t, node.URL()+"?cluster=false").Redis
		found, err := direct.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		keys = append(keys, found...)
	}
	require.NotEmpty(t, keys)
	return keys
}
