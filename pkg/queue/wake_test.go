package queue_test

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
	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// asynq itself puts tasks into every state, so this test fails if another version of asynq stores them in another way.
func TestWakeEveryState(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	named := func(name string, due time.Time) queue.Item {
		return queue.Item{DeliveryID: "dlv_" + name, Queue: webhook.QueueDeliveries, DueAt: due}
	}
	later := time.Now().Add(time.Hour)
	retrying, active := named("retry", time.Time{}), named("active", time.Time{})
	first, second, archived := named("a", later), named("b", later), named("archived", later)
	pending, missing := named("pending", time.Time{}), named("none", later)

	b.Put(retrying)
	b.Put(active)
	running, release := make(chan struct{}), make(chan struct{})
	b.work(func(ctx context.Context, task *asynq.Task) error {
		if string(task.Payload()) == retrying.DeliveryID {
			return errors.New("later")
		}
		close(running)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	})
	defer close(release)
	queuetest.Receive(t, running, "the run")
	b.WaitForState(retrying.DeliveryID, asynq.TaskStateRetry)

	for _, item := range []queue.Item{first, second, archived} {
		b.Put(item)
	}
	require.NoError(t, b.Inspector.PauseQueue(webhook.QueueDeliveries)) // no worker dequeues from here on
	b.Put(pending)
	require.NoError(t, b.Inspector.ArchiveTask(webhook.QueueDeliveries, archived.DeliveryID))

	// Wake needs the task alone: the list of queues may have been lost.
	require.NoError(t, b.Redis.Del(t.Context(), keys.Queues).Err())
	var ids []string
	for _, item := range []queue.Item{second, retrying, first, pending, active, archived, missing} {
		ids = append(ids, item.DeliveryID)
	}
	results, err := b.Wake(t.Context(), webhook.QueueDeliveries, ids)
	require.NoError(t, err)
	assert.Equal(t, []queue.WakeResult{
		queue.WakePending, queue.WakePending, queue.WakePending, queue.WakePending, queue.WakeActive, queue.WakeMissing, queue.WakeMissing,
	}, results)
	require.NoError(t, b.RegisterQueues(t.Context(), webhook.QueueDeliveries))
	for _, item := range []queue.Item{first, second, retrying, pending} {
		assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State, item.DeliveryID)
	}
	assert.Equal(t, asynq.TaskStateActive, b.Task(active.DeliveryID).State)
	assert.Equal(t, asynq.TaskStateArchived, b.Task(archived.DeliveryID).State)
	info, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Less(t, info.Latency, time.Minute, "the time since which they are pending is recorded")
	assert.Zero(t, info.Retry+info.Scheduled)

	order, err := b.Redis.LRange(t.Context(), deliveryKeys.Pending, 0, -1).Result()
	require.NoError(t, err)
	assert.Equal(t, []string{pending.DeliveryID, first.DeliveryID, retrying.DeliveryID, second.DeliveryID}, order,
		"workers dequeue from the right: woken tasks are next, in their order")
}

func TestWakeManyMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf("dlv_%d", i)
	}
	results, err := b.Wake(t.Context(), webhook.QueueDeliveries, ids)
	require.NoError(t, err)
	assert.Equal(t, make([]queue.WakeResult, len(ids)), results)
}

func TestWakeRedisStopped(t *testing.T) {
	t.Parallel()
	server := startRedis(t, nil)
	b := newBench(t, server.URL())
	require.NoError(t, server.Stop())
	_, err := b.Wake(t.Context(), webhook.QueueDeliveries, []string{"dlv_a"})
	assert.ErrorContains(t, err, "wake tasks")
}
