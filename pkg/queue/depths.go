package queue

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Depths is how many tasks a queue has in each state.
type Depths struct {
	Pending, Active, Scheduled, Retry, Archived int64
}

// Depths counts the tasks of a queue, in one round trip. asynq's own Inspector would have Redis measure the memory of tasks for
// it.
func (e *Enqueuer) Depths(ctx context.Context, queue string) (Depths, error) {
	prefix := keyPrefix(queue)
	var pending, active, scheduled, retry, archived *redis.IntCmd
	_, err := e.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pending, active = pipe.LLen(ctx, prefix+"pending"), pipe.LLen(ctx, prefix+"active")
		scheduled, retry, archived = pipe.ZCard(ctx, prefix+"scheduled"), pipe.ZCard(ctx, prefix+"retry"), pipe.ZCard(ctx, prefix+"archived")
		return nil
	})
	if err != nil {
		return Depths{}, fmt.Errorf("count the tasks: %w", err)
	}
	return Depths{pending.Val(), active.Val(), scheduled.Val(), retry.Val(), archived.Val()}, nil
}
