package queue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func always(queue.Item) bool { return true }

func (b bench) look(item queue.Item, verify func(queue.Item) bool) queue.TaskState {
	b.t.Helper()
	sights, err := b.LookUp(b.t.Context(), []queue.Item{item}, verify)
	require.NoError(b.t, err)
	require.Len(b.t, sights, 1)
	return sights[0]
}

// asynq itself puts tasks into every state. The test fails if another version of asynq stores tasks or extends leases in another way;
// lookup.lua and lease.go must then be adapted.
func TestLookUpEveryState(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	client := asynq.NewClientFromRedisClient(b.Redis)

	pending, sleeping, late := queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem()
	assert.Equal(t, queue.Missing, b.look(pending, always))
	sleeping.DueAt = time.Now().Add(time.Hour)
	late.DueAt = sleeping.DueAt
	running, retrying, archived, completed := queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem()

	release := make(chan struct{})
	held := make(chan string, 1)
	stop := b.work(func(_ context.Context, task *asynq.Task) error {
		switch string(task.Payload()) {
		case running.DeliveryID:
			held <- running.DeliveryID
			<-release
			return nil
		case retrying.DeliveryID:
			return errors.New("again in an hour")
		case archived.DeliveryID:
			return skip(t.Context(), task)
		default:
			return nil
		}
	})
	begin := time.Now()
	for _, item := range []queue.Item{sleeping, late, retrying, archived, running} {
		b.Put(item)
	}
	_, err := client.Enqueue(asynq.NewTask(queue.TaskType, nil), asynq.TaskID(completed.DeliveryID), asynq.Queue(completed.Queue), asynq.Retention(time.Hour))
	require.NoError(t, err)
	queuetest.Receive(t, held, "the run")
	b.WaitForState(retrying.DeliveryID, asynq.TaskStateRetry)
	b.WaitForState(archived.DeliveryID, asynq.TaskStateArchived)
	b.WaitForState(completed.DeliveryID, asynq.TaskStateCompleted)
	late.DueAt = time.Now()
	sleepsWell := retrying
	sleepsWell.DueAt = time.Now().Add(time.Hour)
	items := []queue.Item{sleeping, late, running, retrying, sleepsWell, archived, completed, queuetest.NewItem()}
	want := []queue.TaskState{queue.Waiting, queue.Late, queue.Running, queue.Late, queue.Waiting, queue.Ended, queue.Ended, queue.Missing}
	sights, err := b.LookUp(t.Context(), items, always)
	require.NoError(t, err)
	assert.Equal(t, want, sights)
	b.checkLeaseIsExtended(running, begin)
	close(release)
	stop()
	assert.Empty(t, b.leases(), "an ended task has no lease")

	b.Put(pending)
	assert.Equal(t, queue.Waiting, b.look(pending, nil))
	assert.Equal(t, queue.Waiting, b.look(pending, always))
	again, err := b.LookUp(t.Context(), items[3:], always)
	require.NoError(t, err)
	assert.Equal(t, want[3:], again, "LookUp changes nothing")
}

// LookUp removes an active task without a lease. It does not remove one with an expired lease, since clocks may differ.
func TestLookUpActiveWithoutLeaseIsOrphan(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	item := queuetest.NewItem()
	b.Put(item)
	b.Abandon(item.DeliveryID, time.Now().Add(-time.Hour))
	require.Equal(t, queue.Running, b.look(item, nil))
	require.NoError(t, b.Redis.ZRem(t.Context(), deliveryKeys.Lease, item.DeliveryID).Err())
	require.Equal(t, queue.Orphan, b.look(item, nil), "asynq does not recover a task without a lease")
	b.cleared(item)
}

// A delivery can be enqueued again after any part of its task was lost.
func TestLookUpIncompleteTaskIsPhantom(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	for name, lose := range map[string]func(ctx context.Context, item queue.Item, hash string) error{
		"its place in the pending list": func(ctx context.Context, item queue.Item, _ string) error {
			return b.Redis.LRem(ctx, deliveryKeys.Pending, 0, item.DeliveryID).Err()
		},
		"its message": func(ctx context.Context, _ queue.Item, hash string) error {
			return b.Redis.HDel(ctx, hash, "msg").Err()
		},
		"its state": func(ctx context.Context, _ queue.Item, hash string) error {
			return b.Redis.HDel(ctx, hash, "state").Err()
		},
		"the set of its state": func(ctx context.Context, _ queue.Item, hash string) error {
			return b.Redis.HSet(ctx, hash, "state", "retry").Err()
		},
	} {
		item := queuetest.NewItem()
		b.Put(item)
		require.NoError(t, lose(t.Context(), item, deliveryKeys.Task(item.DeliveryID)))
		require.Equal(t, queue.Phantom, b.look(item, always), name)
		b.cleared(item)
	}

	item := queuetest.NewItem()
	b.Put(item)
	require.NoError(t, b.Redis.LRem(t.Context(), deliveryKeys.Pending, 0, item.DeliveryID).Err())
	require.Equal(t, queue.Waiting, b.look(item, func(queue.Item) bool { return false }), "the list is searched only if verify selects the item")
	require.Equal(t, queue.Phantom, b.look(item, always))

	item.DueAt = time.Now().Add(time.Hour)
	b.Put(item)
	require.NoError(t, b.Redis.ZRem(t.Context(), deliveryKeys.Scheduled, item.DeliveryID).Err())
	require.Equal(t, queue.Phantom, b.look(item, nil))
	b.cleared(item)
}

// cleared checks that nothing is left of a task and that its delivery can be enqueued again.
func (b bench) cleared(item queue.Item) {
	b.t.Helper()
	ctx, k := b.t.Context(), deliveryKeys
	names, err := b.Redis.Keys(ctx, "*").Result()
	require.NoError(b.t, err)
	for _, name := range names {
		assert.NotContains(b.t, name, item.DeliveryID)
	}
	for _, list := range []string{k.Pending, k.Active} {
		require.ErrorIs(b.t, b.Redis.LPos(ctx, list, item.DeliveryID, redis.LPosArgs{}).Err(), redis.Nil)
	}
	for _, set := range []string{k.Lease, k.Scheduled, k.Retry, k.Archived, k.Completed} {
		require.ErrorIs(b.t, b.Redis.ZScore(ctx, set, item.DeliveryID).Err(), redis.Nil)
	}
	require.Equal(b.t, queue.Queued, b.Put(item))
	require.NoError(b.t, b.Inspector.DeleteTask(item.Queue, item.DeliveryID))
}

// Many items are looked up in batches, also by a Redis that has not loaded the script.
func TestLookUpMany(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	var items []queue.Item
	for i := range 1_203 {
		item := queuetest.NewItem()
		items = append(items, item)
		if i%3 == 0 {
			b.Put(item)
		}
	}
	for range 2 {
		sights, err := b.LookUp(t.Context(), items, nil)
		require.NoError(t, err)
		require.Len(t, sights, len(items))
		for i, sight := range sights {
			want := queue.Missing
			if i%3 == 0 {
				want = queue.Waiting
			}
			require.Equal(t, want, sight, "item %d", i)
		}
		require.NoError(t, b.Redis.ScriptFlush(t.Context()).Err())
	}
	none, err := b.LookUp(t.Context(), nil, nil)
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestTrimArchiveRemovesOldOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	ctx := t.Context()
	const old, fresh = 1_100, 40
	for i := range old + fresh {
		at := time.Now().Add(-79 * 24 * time.Hour)
		if i < old {
			at = time.Now().Add(-81 * 24 * time.Hour)
		}
		id := fmt.Sprintf("dlv_%d", i)
		require.NoError(t, b.Redis.ZAdd(ctx, deliveryKeys.Archived, redis.Z{Score: float64(at.Unix()), Member: id}).Err())
		require.NoError(t, b.Redis.HSet(ctx, deliveryKeys.Task(id), "msg", "m", "state", "archived").Err())
	}
	removed, err := b.TrimArchive(ctx, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, old, removed)
	assert.EqualValues(t, fresh, b.Redis.ZCard(ctx, deliveryKeys.Archived).Val())
	assert.EqualValues(t, fresh+1, b.Redis.DBSize(ctx).Val(), "their hashes are removed too")
	removed, err = b.TrimArchive(ctx, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, removed)
}
