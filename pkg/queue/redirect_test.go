package queue_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A user without the right to use INFO detects a cluster by redirections, of single commands and within pipelines.
func TestClusterInfoForbiddenFollowsRedirects(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for _, node := range cluster.Nodes() {
		admin := newBench(t, node.URL()+"?cluster=false")
		require.NoError(t, admin.Redis.Do(t.Context(), "ACL", "SETUSER", "narrow", "on", ">hush", "~*", "&*", "+@all", "-info").Err())
	}
	for i, node := range cluster.Nodes() {
		url := fmt.Sprintf("redis://narrow:hush@127.0.0.1:%d", node.Port())
		onCluster(t, newBench(t, url), cluster)
		require.NoError(t, cluster.FlushAll(t.Context()))

		piped := newBench(t, url)
		replies := make([]*redis.IntCmd, 30)
		_, err := piped.Redis.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
			for j := range replies {
				replies[j] = pipe.Incr(t.Context(), fmt.Sprintf("key%d-%d", i, j)) // on all nodes
			}
			return nil
		})
		require.NoError(t, err)
		for _, reply := range replies {
			assert.EqualValues(t, 1, reply.Val(), "each is run once")
		}
	}
}

// The slot of the queue moves between nodes while it is in use.
func TestClusterSlotMovesKeepsTasks(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	b := newBench(t, cluster.URL())
	before := queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(before))
	slot := b.Redis.ClusterKeySlot(t.Context(), "{"+webhook.QueueDeliveries+"}").Val()
	from := int(slot) * len(cluster.Nodes()) / 16384
	for step := 1; step < len(cluster.Nodes()); step++ {
		moveSlot(t, cluster, slot, (from+step-1)%len(cluster.Nodes()), (from+step)%len(cluster.Nodes()))
		item := queuetest.NewItem()
		require.Equal(t, queue.Queued, b.Put(item))
		sights, err := b.LookUp(t.Context(), []queue.Item{before, item}, func(queue.Item) bool { return true })
		require.NoError(t, err)
		assert.Equal(t, []queue.TaskState{queue.Waiting, queue.Waiting}, sights)
	}
}

func moveSlot(t *testing.T, cluster *testservers.RedisCluster, slot int64, from, to int) {
	t.Helper()
	ctx := t.Context()
	nodes := make([]redis.UniversalClient, len(cluster.Nodes()))
	ids := make([]string, len(nodes))
	for i, node := range cluster.Nodes() {
		nodes[i] = newBench(t, node.URL()+"?cluster=false").Redis
		var err error
		ids[i], err = nodes[i].Do(ctx, "CLUSTER", "MYID").Text()
		require.NoError(t, err)
	}
	require.NoError(t, nodes[to].Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from]).Err())
	require.NoError(t, nodes[from].Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to]).Err())
	keys, err := nodes[from].ClusterGetKeysInSlot(ctx, int(slot), 1000).Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	migrate := []any{"MIGRATE", "127.0.0.1", strconv.Itoa(cluster.Nodes()[to].Port()), "", 0, 5000, "KEYS"}
	for _, key := range keys {
		migrate = append(migrate, key)
	}
	require.NoError(t, nodes[from].Do(ctx, migrate...).Err())
	for _, i := range []int{to, from} {
		require.NoError(t, nodes[i].Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", ids[to]).Err())
	}
}

// Commands that set up a connection run on that connection, also when other commands go to the cluster.
func TestClusterSubscribeWithPassword(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 1)
	require.NoError(t, newBench(t, cluster.URL()).Redis.ConfigSet(t.Context(), "requirepass", "hush").Err())
	b := newBench(t, fmt.Sprintf("redis://:hush@127.0.0.1:%d", cluster.Nodes()[0].Port()))
	require.NoError(t, queue.Probe(t.Context(), b.Redis))
	require.NoError(t, queue.Probe(t.Context(), b.Redis))
	subscription := b.Redis.Subscribe(t.Context(), "channel")
	t.Cleanup(func() { require.NoError(t, subscription.Close()) })
	_, err := subscription.Receive(t.Context())
	require.NoError(t, err)
}
