package queue_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func (b bench) leases() []queue.Lease {
	b.t.Helper()
	leases, now, err := b.Leases(b.t.Context(), webhook.QueueDeliveries)
	require.NoError(b.t, err)
	assert.WithinDuration(b.t, time.Now(), now, time.Minute)
	return leases
}

// leaseOf returns the lease of the item, which must be the only one.
func (b bench) leaseOf(item queue.Item) queue.Lease {
	b.t.Helper()
	leases := b.leases()
	require.Len(b.t, leases, 1)
	require.Equal(b.t, item.DeliveryID, leases[0].DeliveryID)
	require.Equal(b.t, item.Queue, leases[0].Queue)
	return leases[0]
}

// checkLeaseIsExtended checks the duration of a lease, and that the worker that dequeued the task after begin extends it.
func (b bench) checkLeaseIsExtended(item queue.Item, begin time.Time) {
	b.t.Helper()
	begin = begin.Truncate(time.Second)
	first := b.leaseOf(item)
	assert.WithinRange(b.t, first.Extended(), begin, time.Now())
	require.Eventually(b.t, func() bool { return b.leaseOf(item).Until.After(first.Until) }, soon, 50*time.Millisecond)
	assert.WithinRange(b.t, b.leaseOf(item).Extended(), begin, time.Now())
	score, err := b.Redis.ZScore(b.t.Context(), deliveryKeys.Lease, item.DeliveryID).Result()
	require.NoError(b.t, err)
	assert.InDelta(b.t, float64(int64(score)), score, 0, "leases are in whole seconds")
}

// Reclaim removes a task only if its lease is the one that was read.
func TestReclaimOnlySameLease(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	ctx := t.Context()
	item := queuetest.NewItem()
	b.Put(item)
	b.Abandon(item.DeliveryID, time.Now().Add(-time.Hour))
	lease := b.leaseOf(item)
	reclaim := func() queue.TaskState {
		t.Helper()
		sights, err := b.Reclaim(ctx, []queue.Lease{lease})
		require.NoError(t, err)
		require.Len(t, sights, 1)
		return sights[0]
	}

	back := redis.Z{Score: float64(lease.Until.Add(5 * time.Second).Unix()), Member: item.DeliveryID}
	require.NoError(t, b.Redis.ZAdd(ctx, deliveryKeys.Lease, back).Err())
	require.Equal(t, queue.Running, reclaim(), "its worker has extended the lease")

	lease = b.leaseOf(item)
	require.Equal(t, queue.Orphan, reclaim())
	require.Equal(t, queue.Missing, reclaim(), "only the first caller gets Orphan")
	b.cleared(item)

	b.Put(item)
	require.Equal(t, queue.Waiting, reclaim(), "it is a new task")
	b.Abandon(item.DeliveryID, lease.Until)
	require.NoError(t, b.Redis.HDel(ctx, deliveryKeys.Task(item.DeliveryID), "msg").Err())
	require.Equal(t, queue.Orphan, reclaim())
	b.cleared(item)
}

// A task is the next to be dequeued after EnqueueFirst, whether it was new, pending or not due.
func TestEnqueueFirstIsDequeuedNext(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	ctx := t.Context()
	next := func() string {
		t.Helper()
		id, err := b.Redis.LIndex(ctx, deliveryKeys.Pending, -1).Result()
		require.NoError(t, err)
		return id
	}
	oldest := queuetest.NewItem()
	b.Put(oldest)
	for range 50 {
		b.Put(queuetest.NewItem())
	}
	fresh, waiting, asleep := queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem()
	b.Put(waiting)
	for _, item := range []queue.Item{fresh, waiting} {
		_, err := b.EnqueueFirst(ctx, item)
		require.NoError(t, err)
		assert.Equal(t, item.DeliveryID, next())
		assert.Equal(t, queue.Waiting, b.look(item, always))
	}
	asleep.DueAt = time.Now().Add(time.Hour)
	placement, err := b.EnqueueFirst(ctx, asleep)
	require.NoError(t, err)
	assert.Equal(t, queue.Queued, placement)
	assert.Equal(t, queue.Waiting, b.look(asleep, always))
	assert.Equal(t, waiting.DeliveryID, next(), "the scheduled task is not due yet")

	b.Abandon(waiting.DeliveryID, time.Now().Add(time.Minute))
	placement, err = b.EnqueueFirst(ctx, waiting)
	require.NoError(t, err)
	assert.Equal(t, queue.Active, placement)
	assert.Equal(t, fresh.DeliveryID, next())
	assert.EqualValues(t, 52, b.Redis.LLen(ctx, deliveryKeys.Pending).Val())
}
