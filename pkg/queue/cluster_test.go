package queue_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func startCluster(t *testing.T, nodes int) *testservers.RedisCluster {
	t.Helper()
	cluster, err := testservers.StartRedisCluster(testservers.RedisClusterOptions{Nodes: nodes})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return cluster
}

// urlsOf returns the URLs that name a cluster: each node alone, with and without cluster=true, and all nodes.
func urlsOf(cluster *testservers.RedisCluster) map[string]string {
	urls, hosts := map[string]string{}, []string{}
	for i, node := range cluster.Nodes() {
		urls[fmt.Sprintf("node %d, not said to be a cluster", i)] = node.URL()
		urls[fmt.Sprintf("node %d of a cluster", i)] = node.URL() + "?cluster=true"
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", node.Port()))
	}
	urls["all nodes"] = "redis://" + strings.Join(hosts, ",")
	urls["all nodes of a cluster"] = "redis-cluster://" + strings.Join(hosts, ",")
	return urls
}

// All operations work on clusters, for every form of the URL.
func TestClusterEveryOperation(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		cluster := startCluster(t, nodes)
		for name, url := range urlsOf(cluster) {
			t.Run(fmt.Sprintf("%d/%s", nodes, name), func(t *testing.T) {
				require.NoError(t, cluster.FlushAll(t.Context()))
				onCluster(t, newBench(t, url), cluster)
			})
		}
	}
}

func onCluster(t *testing.T, b bench, cluster *testservers.RedisCluster) {
	t.Helper()
	ctx := t.Context()
	require.NoError(t, queue.Check(ctx, b.Redis))
	require.NoError(t, queue.Probe(ctx, b.Redis))
	b.rebuildTwice(cluster)

	// Enqueue, archive, look up, wake, move to the front and run tasks.
	items := make([]queue.Item, 20)
	for i := range items {
		items[i] = queuetest.NewItem()
		require.Equal(t, queue.Queued, b.Put(items[i]))
		require.Equal(t, queue.AlreadyQueued, b.Put(items[i]))
	}
	stop := b.work(skip)
	for _, item := range items {
		b.WaitForState(item.DeliveryID, asynq.TaskStateArchived)
	}
	stop()
	sights, err := b.LookUp(ctx, append(items, queuetest.NewItem()), func(queue.Item) bool { return true })
	require.NoError(t, err)
	assert.Equal(t, queue.Missing, sights[len(items)])
	assert.Equal(t, queue.Ended, sights[0])
	for _, item := range items {
		item.Ended = true
		require.Equal(t, queue.Woken, b.Put(item))
	}
	placement, err := b.EnqueueFirst(ctx, items[0])
	require.NoError(t, err)
	assert.Equal(t, queue.AlreadyQueued, placement)
	depths, err := b.Depths(ctx, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.EqualValues(t, len(items), depths.Pending)
	_, err = b.TrimArchive(ctx, webhook.QueueDeliveries)
	require.NoError(t, err)

	b.checkLease(items[0])
}

// rebuildTwice rebuilds the queue, and again after all nodes were emptied.
func (b bench) rebuildTwice(cluster *testservers.RedisCluster) {
	b.t.Helper()
	ctx := b.t.Context()
	for range 2 {
		intact, err := b.Intact(ctx)
		require.NoError(b.t, err)
		require.False(b.t, intact)
		token, err := b.BeginRebuild(ctx)
		require.NoError(b.t, err)
		require.NotEmpty(b.t, token)
		require.NoError(b.t, b.RenewRebuild(ctx, token))
		require.NoError(b.t, b.AbandonRebuild(ctx, token))
		token, err = b.BeginRebuild(ctx)
		require.NoError(b.t, err)
		require.NoError(b.t, b.MarkIntact(ctx, token))
		intact, err = b.Intact(ctx)
		require.NoError(b.t, err)
		require.True(b.t, intact)
		require.NoError(b.t, cluster.FlushAll(ctx))
	}
	require.NoError(b.t, b.RegisterQueues(ctx, webhook.QueueDeliveries))
}

// checkLease runs all pending tasks and checks the lease of one of them.
func (b bench) checkLease(item queue.Item) {
	b.t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	stop := b.work(func(_ context.Context, task *asynq.Task) error {
		if string(task.Payload()) == item.DeliveryID {
			close(held)
			<-release
		}
		return nil
	})
	queuetest.Receive(b.t, held, "the attempt")
	leases, now, err := b.Leases(b.t.Context(), item.Queue)
	require.NoError(b.t, err)
	found := false
	for _, lease := range leases {
		found = found || lease.DeliveryID == item.DeliveryID
		assert.WithinRange(b.t, lease.Until, now, now.Add(2*queue.LeaseDuration), "the clocks of one machine")
	}
	assert.True(b.t, found)
	close(release)
	require.Eventually(b.t, func() bool {
		depths, err := b.Depths(b.t.Context(), item.Queue)
		return err == nil && depths == queue.Depths{}
	}, soon, 5*time.Millisecond)
	stop()
}

// Check refuses a database number that does not exist.
func TestCheckUnknownDatabaseFails(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 1)
	b := newBench(t, strings.TrimSuffix(cluster.URL(), "/0")+"/1")
	require.ErrorContains(t, queue.Check(t.Context(), b.Redis), "is a cluster")
	b = newBench(t, startRedis(t, map[string]string{"databases": "2"}).URL()[:len("redis://127.0.0.1:12345")]+"/7")
	require.ErrorContains(t, queue.Check(t.Context(), b.Redis), "does not have")
}

// The node that holds the tasks also holds the marker, so its loss causes a rebuild.
func TestIntactNodeLostTasksIsFalse(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	b := newBench(t, cluster.URL())
	token, err := b.BeginRebuild(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.MarkIntact(t.Context(), token))
	item := queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	lost := 0
	for _, node := range cluster.Nodes() {
		direct := newBench(t, node.URL()+"?cluster=false")
		require.NoError(t, direct.Redis.FlushAll(t.Context()).Err())
		sights, err := b.LookUp(t.Context(), []queue.Item{item}, nil)
		require.NoError(t, err)
		intact, err := b.Intact(t.Context())
		require.NoError(t, err)
		assert.Equal(t, sights[0] != queue.Missing, intact)
		if !intact {
			lost++
		}
	}
	assert.NotZero(t, lost)
}

// A cluster that starts after the client is detected.
func TestClusterStartsAfterClient(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for _, node := range cluster.Nodes() {
		require.NoError(t, node.Stop())
	}
	benches := map[string]bench{}
	for name, url := range urlsOf(cluster) {
		benches[name] = newBench(t, url)
		require.Error(t, queue.Probe(t.Context(), benches[name].Redis))
	}
	for _, node := range cluster.Nodes() {
		require.NoError(t, node.Restart(t.Context()))
	}
	for name, b := range benches {
		require.Eventually(t, func() bool {
			_, err := b.Enqueue(t.Context(), queuetest.NewItem())
			return err == nil
		}, soon, 20*time.Millisecond, name)
	}
}
