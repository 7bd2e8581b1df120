package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue/internal/keys"
	"redrive/pkg/webhook"
)

// Abandon leaves the oldest pending task, which must be that of id, as a worker does that dequeues it and is killed: active, with a
// lease that ends at the time. asynq itself cannot leave a task in this way.
func (b Bench) Abandon(id string, leaseEnd time.Time) {
	b.t.Helper()
	ctx, k := b.t.Context(), keys.Of(webhook.QueueDeliveries)
	taken, err := b.Redis.RPopLPush(ctx, k.Pending, k.Active).Result()
	require.NoError(b.t, err)
	require.Equal(b.t, id, taken, "it is not the oldest pending task")
	require.NoError(b.t, b.Redis.HSet(ctx, k.Task(id), "state", "active").Err())
	require.NoError(b.t, b.Redis.ZAdd(ctx, k.Lease, redis.Z{Score: float64(leaseEnd.Unix()), Member: id}).Err())
}

// ArchiveAndUnlist archives a task and removes it from the archive's sorted set alone, so that its hash is in no list or set.
func (b Bench) ArchiveAndUnlist(id string) {
	b.t.Helper()
	require.NoError(b.t, b.Inspector.ArchiveTask(webhook.QueueDeliveries, id))
	require.NoError(b.t, b.Redis.ZRem(b.t.Context(), keys.Of(webhook.QueueDeliveries).Archived, id).Err())
}

// Remove removes an active task, as asynq does when its handler has succeeded.
func Remove(ctx context.Context, client redis.UniversalClient, queue, id string) error {
	k := keys.Of(queue)
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LRem(ctx, k.Active, 0, id)
		pipe.ZRem(ctx, k.Lease, id)
		pipe.Del(ctx, k.Task(id))
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove a task: %w", err)
	}
	return nil
}
