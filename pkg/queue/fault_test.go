package queue_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
)

func startRedis(t *testing.T, settings map[string]string) *testservers.RedisServer {
	t.Helper()
	server, err := testservers.StartRedis(testservers.RedisOptions{Settings: settings})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// asynq registers a queue once per client, so the Inspector does not find the queue after FLUSHALL.
func TestRegisterQueuesAfterFlush(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, startRedis(t, nil).URL()), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, b.Redis.FlushAll(t.Context()).Err())
	require.Equal(t, queue.Queued, b.Put(item))
	_, err := b.Inspector.GetTaskInfo(item.Queue, item.DeliveryID)
	require.ErrorIs(t, err, asynq.ErrQueueNotFound)

	require.NoError(t, b.RegisterQueues(t.Context(), item.Queue))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
	require.NoError(t, b.RegisterQueues(t.Context(), item.Queue), "again")
}

// A conflict after FLUSHALL registers the queue, since no reconcile pass may have run yet.
func TestEnqueueConflictAfterFlushRegistersQueue(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, startRedis(t, nil).URL()), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, b.Redis.FlushAll(t.Context()).Err())
	require.Equal(t, queue.Queued, b.Put(item))
	assert.Equal(t, queue.AlreadyQueued, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestEnqueueRedisStoppedFailsUntilRestart(t *testing.T) {
	t.Parallel()
	server := startRedis(t, nil)
	b, item := newBench(t, server.URL()), queuetest.NewItem()
	require.NoError(t, server.Stop())

	for range 3 {
		_, err := b.Enqueue(t.Context(), item)
		require.ErrorContains(t, err, "connection refused", "it is known at once, not by a timeout")
		require.ErrorContains(t, err, item.DeliveryID)
	}
	_, err := b.EnqueueSettled(t.Context(), item)
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, b.RegisterQueues(t.Context(), item.Queue), "connection refused")

	require.NoError(t, server.Restart(t.Context()))
	require.Eventually(t, func() bool {
		placement, err := b.Enqueue(t.Context(), item)
		return err == nil && placement != queue.Active
	}, soon, 10*time.Millisecond)
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

// A paused Redis process accepts connections and does not reply.
func TestEnqueueRedisHangsHonorsDeadline(t *testing.T) {
	t.Parallel()
	server := startRedis(t, nil)
	b, item := newBench(t, server.URL()), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, server.Pause())

	enqueue := func(ctx context.Context) time.Duration {
		begin := time.Now()
		_, err := b.Enqueue(ctx, item)
		require.Error(t, err)
		return time.Since(begin)
	}
	unbounded := enqueue(context.Background()) // there is an end all the same, before Redis is resumed
	bounded := unbounded
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		bounded = min(bounded, enqueue(ctx))
		cancel()
	}
	assert.Less(t, bounded, unbounded/2, "the caller's deadline is heeded")

	require.NoError(t, server.Resume())
	assert.Equal(t, queue.AlreadyQueued, b.Put(item))
}

// An archived task that is missing from the archive's sorted set is an error of this task alone.
func TestEnqueuePhantomFails(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, b.Inspector.ArchiveTask(item.Queue, item.DeliveryID))
	require.NoError(t, b.Redis.Del(t.Context(), deliveryKeys.Archived).Err())

	_, err := b.Enqueue(t.Context(), item)
	require.ErrorContains(t, err, item.DeliveryID)
}

func TestWarnOnEvictionLogsPolicy(t *testing.T) {
	t.Parallel()
	warning := func(url string) string {
		client, err := queue.Connect(url)
		require.NoError(t, err)
		defer func() { require.NoError(t, client.Close()) }()
		var out bytes.Buffer
		queue.WarnOnEviction(t.Context(), client, slog.New(slog.NewTextHandler(&out, nil)))
		return out.String()
	}
	evicting := warning(startRedis(t, map[string]string{"maxmemory-policy": "allkeys-lru"}).URL())
	assert.Contains(t, evicting, "level=ERROR")
	assert.Contains(t, evicting, "noeviction")
	assert.Contains(t, evicting, "allkeys-lru")

	assert.Empty(t, warning(startRedis(t, nil).URL()))

	forbidden := startRedis(t, map[string]string{"maxmemory-policy": "allkeys-lru"})
	b := newBench(t, forbidden.URL())
	require.NoError(t, b.Redis.Do(t.Context(), "ACL", "SETUSER", "default", "-config").Err())
	assert.Empty(t, warning(forbidden.URL()), "the setting cannot be read")
	require.NoError(t, forbidden.Stop())
	assert.Empty(t, warning(forbidden.URL()), "Redis is unavailable")
}
