package queue_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
)

func TestEnqueueNew(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))

	task := b.Task(item.DeliveryID)
	assert.Equal(t, asynq.TaskStatePending, task.State)
	assert.Equal(t, queue.TaskType, task.Type)
	assert.Equal(t, item.DeliveryID, task.ID)
	assert.Equal(t, item.DeliveryID, string(task.Payload), "the ID and nothing else")
	assert.Equal(t, math.MaxInt32, task.MaxRetry)
	assert.Zero(t, task.Retention)
	assert.GreaterOrEqual(t, task.Timeout, 24*time.Hour)
}

func TestEnqueueScheduled(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	item.DueAt = time.Now().Add(time.Hour)
	require.Equal(t, queue.Queued, b.Put(item))

	task := b.Task(item.DeliveryID)
	assert.Equal(t, asynq.TaskStateScheduled, task.State)
	assert.WithinDuration(t, item.DueAt, task.NextProcessAt, time.Second)
	assert.Equal(t, queue.AlreadyQueued, b.Put(item), "it is scheduled for the right time")
	assert.Equal(t, asynq.TaskStateScheduled, b.Task(item.DeliveryID).State)
}

// A task that is scheduled a little too late was snoozed because its endpoint is busy. It is not woken.
func TestEnqueueSnoozedTaskStaysScheduled(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	for _, c := range []struct {
		sleeps time.Duration // from now
		due    time.Duration
		want   queue.Placement
		state  asynq.TaskState
	}{
		{sleeps: 85 * time.Second, due: 0, want: queue.AlreadyQueued, state: asynq.TaskStateScheduled},
		{sleeps: 85 * time.Second, due: -time.Hour, want: queue.AlreadyQueued, state: asynq.TaskStateScheduled},
		{sleeps: 10*time.Minute + 85*time.Second, due: 10 * time.Minute, want: queue.AlreadyQueued, state: asynq.TaskStateScheduled},
		{sleeps: 130 * time.Second, due: 0, want: queue.Woken, state: asynq.TaskStatePending},
		{sleeps: 130 * time.Second, due: -time.Hour, want: queue.Woken, state: asynq.TaskStatePending},
		{sleeps: time.Hour, due: 10 * time.Minute, want: queue.Woken, state: asynq.TaskStatePending},
	} {
		item := queuetest.NewItem()
		now := time.Now()
		item.DueAt = now.Add(c.sleeps)
		require.Equal(t, queue.Queued, b.Put(item))
		item.DueAt = now.Add(c.due)
		assert.Equal(t, c.want, b.Put(item), "%+v", c)
		assert.Equal(t, c.state, b.Task(item.DeliveryID).State, "%+v", c)
	}
}

// A delivery that was retried after it was cancelled may still have the task of its former schedule.
func TestEnqueueCommittedDeliveryWakesSleepingTask(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	item.DueAt = time.Now().Add(85 * time.Second)
	require.Equal(t, queue.Queued, b.Put(item))
	item.Committed = true
	assert.Equal(t, queue.AlreadyQueued, b.Put(item), "it is scheduled for the right time")
	item.DueAt = time.Now()
	assert.Equal(t, queue.Woken, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestEnqueuePending(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	assert.Equal(t, queue.AlreadyQueued, b.Put(item))
	item.DueAt = time.Now().Add(time.Hour)
	assert.Equal(t, queue.AlreadyQueued, b.Put(item), "the worker detects that it is too early")
}

func TestEnqueueInRetry(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	stop := b.work(func(context.Context, *asynq.Task) error { return errors.New("in an hour") })
	b.WaitForState(item.DeliveryID, asynq.TaskStateRetry)
	stop()

	item.DueAt = time.Now().Add(time.Hour)
	assert.Equal(t, queue.AlreadyQueued, b.Put(item))
	assert.Equal(t, asynq.TaskStateRetry, b.Task(item.DeliveryID).State)
	item.DueAt = time.Now()
	assert.Equal(t, queue.Woken, b.Put(item), "the row says now, the task says in an hour")
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestEnqueueArchived(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	stop := b.work(skip)
	b.WaitForState(item.DeliveryID, asynq.TaskStateArchived)
	stop()

	assert.Equal(t, queue.Woken, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestEnqueueCompleted(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	task := asynq.NewTask(queue.TaskType, []byte(item.DeliveryID)) // ours have no retention, but an operator's may
	_, err := asynq.NewClientFromRedisClient(b.Redis).Enqueue(task, asynq.TaskID(item.DeliveryID), asynq.Queue(item.Queue), asynq.Retention(time.Hour))
	require.NoError(t, err)
	stop := b.work(func(context.Context, *asynq.Task) error { return nil })
	b.WaitForState(item.DeliveryID, asynq.TaskStateCompleted)
	stop()

	assert.Equal(t, queue.Woken, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestEnqueueActive(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	running, release := make(chan struct{}), make(chan struct{})
	b.work(func(context.Context, *asynq.Task) error {
		running <- struct{}{}
		<-release
		return nil
	})
	defer close(release)
	require.Equal(t, queue.Queued, b.Put(item))
	queuetest.Receive(t, running, "the run")

	assert.Equal(t, queue.Active, b.Put(item))
	begin := time.Now()
	placement, err := b.EnqueueSettled(t.Context(), item)
	require.NoError(t, err)
	assert.Equal(t, queue.Active, placement, "it does not wait for a whole run")
	assert.GreaterOrEqual(t, time.Since(begin), 400*time.Millisecond)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.EnqueueSettled(ctx, item)
	assert.ErrorContains(t, err, "context canceled") // asynq keeps the text of an error and nothing else
}

func TestEnqueueConcurrentMakesOneTask(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	var group sync.WaitGroup
	var queued, already atomic.Int32
	for range 32 {
		group.Go(func() {
			placement, err := b.Enqueue(t.Context(), item)
			assert.NoError(t, err)
			switch placement {
			case queue.Queued:
				queued.Add(1)
			case queue.AlreadyQueued:
				already.Add(1)
			default:
				assert.Fail(t, "placed", string(placement))
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 1, queued.Load())
	assert.EqualValues(t, 31, already.Load())
	info, err := b.Inspector.GetQueueInfo(item.Queue)
	require.NoError(t, err)
	assert.Equal(t, 1, info.Size)
}

// Item.Ended does not change the result of Enqueue.
func TestEnqueueEndedItemSameResult(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	item.Ended = true
	require.Equal(t, queue.Queued, b.Put(item), "its task has been deleted")
	assert.Equal(t, queue.AlreadyQueued, b.Put(item), "it is pending already")
	stop := b.work(skip)
	b.WaitForState(item.DeliveryID, asynq.TaskStateArchived)
	stop()
	assert.Equal(t, queue.Woken, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}
