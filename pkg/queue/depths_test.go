package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Depths returns the numbers of asynq's Inspector.
func TestDepthsEqualInspector(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	depths, err := b.Depths(t.Context(), webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, queue.Depths{}, depths, "there is no queue yet")

	for i := range 6 {
		item := queue.Item{DeliveryID: webhook.NewID(webhook.KindDelivery, time.Now()), Queue: webhook.QueueDeliveries}
		if i >= 3 {
			item.DueAt = time.Now().Add(time.Hour)
		}
		_, err := b.Enqueue(t.Context(), item)
		require.NoError(t, err)
		if i == 5 {
			require.NoError(t, b.Inspector.ArchiveTask(item.Queue, item.DeliveryID))
		}
	}
	depths, err = b.Depths(t.Context(), webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, queue.Depths{Pending: 3, Scheduled: 2, Archived: 1}, depths)

	info, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, queue.Depths{
		Pending: int64(info.Pending), Active: int64(info.Active), Scheduled: int64(info.Scheduled), Retry: int64(info.Retry), Archived: int64(info.Archived),
	}, depths)
}

func TestOldestPendingIsThatOfAsynq(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	waited, err := b.OldestPending(t.Context(), webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, waited, "there is no queue yet")

	enqueue := func(due time.Time) {
		_, err := b.Enqueue(t.Context(), queue.Item{
			DeliveryID: webhook.NewID(webhook.KindDelivery, time.Now()), Queue: webhook.QueueDeliveries, DueAt: due,
		})
		require.NoError(t, err)
	}
	enqueue(time.Now().Add(time.Hour))
	waited, err = b.OldestPending(t.Context(), webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, waited, "a task that is scheduled is not pending")

	for range 3 {
		enqueue(time.Time{})
		time.Sleep(time.Millisecond)
	}
	before, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	waited, err = b.OldestPending(t.Context(), webhook.QueueDeliveries)
	require.NoError(t, err)
	after, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, waited, before.Latency)
	assert.LessOrEqual(t, waited, after.Latency)
	assert.Greater(t, waited, 2*time.Millisecond, "the first one counts")
}
