package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// captured is a client that keeps the scripts that end tasks and answers that they were run.
type captured struct {
	redis.UniversalClient
	mutex sync.Mutex
	ends  []queue.Script
}

func (c *captured) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if len(keys) == 0 || keys[0] != deliveryKeys.Active {
		return c.UniversalClient.EvalSha(ctx, sha, keys, args...)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ends = append(c.ends, queue.Script{SHA: sha, Keys: keys, Arguments: args})
	reply := redis.NewCmd(ctx)
	reply.SetVal("OK")
	return reply
}

// endings lets asynq end a number of tasks, and returns the scripts with which it ends them, before they run.
func endings(t *testing.T, b bench, count int) []queue.Script {
	t.Helper()
	for range count {
		b.Put(queuetest.NewItem())
	}
	c, done := &captured{UniversalClient: b.Redis}, make(chan struct{}, count)
	server := asynq.NewServerFromRedisClient(c, asynq.Config{
		Concurrency: count, Queues: map[string]int{webhook.QueueDeliveries: 1}, LogLevel: asynq.FatalLevel,
	})
	require.NoError(t, server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		done <- struct{}{}
		return nil
	})))
	for range count {
		queuetest.Receive(t, done, "a task")
	}
	server.Shutdown()
	require.Len(t, c.ends, count)
	return c.ends
}

// The scripts are asynq's own. If another version changes them, they are not recognised and run one by one.
func TestEvalShaScriptsThatEndTasksBecomeOne(t *testing.T) {
	t.Parallel()
	b, seen := newBench(t, testservers.Redis(t)), &trips{}
	ends := endings(t, b, 3)
	b.Redis.AddHook(seen)
	echo := redis.NewScript("return ARGV[1]")
	require.NoError(t, echo.Load(t.Context(), b.Redis).Err())
	scripts := append([]queue.Script{{SHA: echo.Hash(), Keys: []string{"key"}, Arguments: []any{"other"}}}, ends...)
	scripts = append(scripts, ends[0]) // again

	replies, failures := queue.RunTogether(t.Context(), b.Redis, scripts)
	assert.Equal(t, make([]error, len(scripts)), failures)
	require.Len(t, seen.together, 1)
	assert.Len(t, seen.together[0], 2, "one script ends all tasks")
	for _, reply := range replies[:4] {
		require.NoError(t, reply.Err())
	}
	assert.Equal(t, "other", replies[0].Val())
	assert.EqualError(t, replies[4].Err(), "NOT FOUND", "the task is not active any more")

	info, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Zero(t, info.Size)
	assert.Equal(t, 3, info.Processed)
	assert.Equal(t, 3, info.ProcessedTotal)
	assert.Zero(t, b.Redis.ZCard(t.Context(), deliveryKeys.Lease).Val())
	day := b.Redis.TTL(t.Context(), ends[0].Keys[3]).Val()
	assert.Positive(t, day, "the number of the day expires")
}

func TestEvalShaScriptsThatEndTasksFailTogether(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	ends := endings(t, b, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	replies, failures := queue.RunTogether(ctx, b.Redis, ends)
	for i := range ends {
		require.Error(t, errors.Join(replies[i].Err(), failures[i]))
	}
	info, err := b.Inspector.GetQueueInfo(webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, 2, info.Active)
}
