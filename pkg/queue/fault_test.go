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

// asynq tells Redis the name of a queue once for each client, so that after FLUSHALL nobody sees the queue any more.
func TestAnnounceAfterFlush(t *testing.T) {
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

// A conflict after FLUSHALL announces the queue by itself: the reconciler may not have come by yet.
func TestConflictAfterFlush(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, startRedis(t, nil).URL()), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, b.Redis.FlushAll(t.Context()).Err())
	require.Equal(t, queue.Queued, b.Put(item))
	assert.Equal(t, queue.AlreadyQueued, b.Put(item))
	assert.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}

func TestRedisAway(t *testing.T) {
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

// A frozen Redis takes connections and does not answer.
func TestRedisFrozen(t *testing.T) {
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

// A task that Redis has lost track of is an error of this one task.
func TestPhantom(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	require.Equal(t, queue.Queued, b.Put(item))
	require.NoError(t, b.Inspector.ArchiveTask(item.Queue, item.DeliveryID))
	require.NoError(t, b.Redis.Del(t.Context(), deliveryKeys.Archived).Err())

	_, err := b.Enqueue(t.Context(), item)
	require.ErrorContains(t, err, item.DeliveryID)
}

func TestWarnOnEviction(t *testing.T) {
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

	secretive := startRedis(t, map[string]string{"maxmemory-policy": "allkeys-lru"})
	b := newBench(t, secretive.URL())
	require.NoError(t, b.Redis.Do(t.Context(), "ACL", "SETUSER", "default", "-config").Err())
	assert.Empty(t, warning(secretive.URL()), "one that does not tell is taken at its operator's word")
	require.NoError(t, secretive.Stop())
	assert.Empty(t, warning(secretive.URL()), "and there is none to warn of")
}
