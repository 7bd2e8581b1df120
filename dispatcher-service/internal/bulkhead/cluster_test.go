package bulkhead

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/pacing"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Sleeping tasks are woken and rates are shared on a cluster of several nodes.
func TestPaceRedisClusterSharesRate(t *testing.T) {
	t.Parallel()
	cluster, err := testservers.StartRedisCluster(testservers.RedisClusterOptions{Nodes: 3})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	client := queuetest.New(t, cluster.URL()).Redis

	enqueuer, ids := queue.NewEnqueuer(client), make([]string, 10)
	for i := range ids {
		ids[i] = webhook.NewID(webhook.KindDelivery, webhook.Now())
		_, err := enqueuer.Enqueue(t.Context(), queue.Item{DeliveryID: ids[i], Queue: webhook.QueueDeliveries, DueAt: time.Now().Add(time.Hour)})
		require.NoError(t, err)
	}
	wakings, err := queue.NewEnqueuer(client).Wake(t.Context(), webhook.QueueDeliveries, ids)
	require.NoError(t, err)
	for _, waking := range wakings {
		assert.Equal(t, queue.WakePending, waking)
	}

	var text testlog.Buffer
	l := pacing.New(client, slog.New(slog.NewTextHandler(&text, nil)))
	for _, endpoint := range []string{"ep_a", "ep_b", "ep_c", "ep_d", "ep_e", "ep_f"} { // their keys are on several nodes
		assert.True(t, l.Reserve(t.Context(), endpoint, pacing.PerSecond(1), new(pacing.Local)).Granted)
		assert.False(t, l.Reserve(t.Context(), endpoint, pacing.PerSecond(1), new(pacing.Local)).Granted, "the rate is 1")
	}
	assert.Empty(t, text.String(), "Redis served each call")
}
