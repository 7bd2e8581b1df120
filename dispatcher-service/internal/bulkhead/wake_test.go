package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// The script has to know tasks as asynq keeps them.
func TestWakeEveryState(t *testing.T) {
	t.Parallel()
	client := connect(t, testservers.Redis(t))
	inspector, enqueuer, waker := asynq.NewInspectorFromRedisClient(client), queue.NewEnqueuer(client), NewQueueWaker(client)
	enqueue := func(id string, due time.Time) {
		t.Helper()
		_, err := enqueuer.Enqueue(t.Context(), queue.Item{DeliveryID: id, Queue: webhook.QueueDeliveries, DueAt: due})
		require.NoError(t, err)
	}
	id := func(name string) string { return "dlv_" + name }
	state := func(name string) asynq.TaskState {
		info, err := inspector.GetTaskInfo(webhook.QueueDeliveries, id(name))
		require.NoError(t, err)
		return info.State
	}

	enqueue(id("retry"), time.Time{})
	enqueue(id("active"), time.Time{})
	running, release := make(chan struct{}), make(chan struct{})
	stop := serve(t, client, 2, func(ctx context.Context, task *asynq.Task) error {
		if string(task.Payload()) == id("retry") {
			return errors.New("later")
		}
		close(running)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	defer stop()
	<-running
	require.Eventually(t, func() bool { return state("retry") == asynq.TaskStateRetry }, time.Minute, 5*time.Millisecond)

	for _, name := range []string{"a", "b", "archived"} {
		enqueue(id(name), time.Now().Add(time.Hour))
	}
	require.NoError(t, inspector.PauseQueue(webhook.QueueDeliveries)) // nobody takes any more
	enqueue(id("pending"), time.Time{})
	require.NoError(t, inspector.ArchiveTask(webhook.QueueDeliveries, id("archived")))

	// The rest of Redis may have been emptied: nothing but the task is needed.
	require.NoError(t, client.Del(t.Context(), "asynq:queues").Err())
	wakings, err := waker.Wake(t.Context(), webhook.QueueDeliveries,
		[]string{id("b"), id("retry"), id("a"), id("pending"), id("active"), id("archived"), id("none")})
	require.NoError(t, err)
	assert.Equal(t, []Waking{Coming, Coming, Coming, Coming, Busy, Gone, Gone}, wakings)
	require.NoError(t, enqueuer.Announce(t.Context(), webhook.QueueDeliveries))
	for _, name := range []string{"a", "b", "retry", "pending"} {
		assert.Equal(t, asynq.TaskStatePending, state(name), name)
	}
	assert.Equal(t, asynq.TaskStateActive, state("active"))
	assert.Equal(t, asynq.TaskStateArchived, state("archived"))
	info, err := inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Less(t, info.Latency, time.Minute, "it is known since when they are pending")
	assert.Zero(t, info.Retry+info.Scheduled)

	order, err := client.LRange(t.Context(), "asynq:{"+webhook.QueueDeliveries+"}:pending", 0, -1).Result()
	require.NoError(t, err)
	assert.Equal(t, []string{id("pending"), id("a"), id("retry"), id("b")}, order, "workers take from the end: in front, in their order")
	close(release)
}

func TestWakeMany(t *testing.T) {
	t.Parallel()
	client := connect(t, testservers.Redis(t))
	ids := make([]string, wakeBatch)
	for i := range ids {
		ids[i] = fmt.Sprintf("dlv_%d", i)
	}
	wakings, err := NewQueueWaker(client).Wake(t.Context(), webhook.QueueDeliveries, ids)
	require.NoError(t, err)
	assert.Equal(t, make([]Waking, wakeBatch), wakings)
}

func TestWakeWithoutRedis(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	client := connect(t, server.URL())
	require.NoError(t, server.Stop())
	_, err = NewQueueWaker(client).Wake(t.Context(), webhook.QueueDeliveries, []string{"dlv_a"})
	assert.ErrorContains(t, err, "wake tasks")
}
