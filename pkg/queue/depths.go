package queue

import (
	"context"
	"fmt"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// Depths is the number of tasks of a queue in each state.
type Depths struct {
	Pending, Active, Scheduled, Retry, Archived int64
}

// Depths counts the tasks of a queue in one round trip. asynq's Inspector returns the same numbers, but makes Redis measure the memory
// of tasks too.
func (e *Enqueuer) Depths(ctx context.Context, queue string) (Depths, error) {
	k := keys.Of(queue)
	var pending, active, scheduled, retry, archived *redis.IntCmd
	_, err := e.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		pending, active = pipe.LLen(ctx, k.Pending), pipe.LLen(ctx, k.Active)
		scheduled, retry, archived = pipe.ZCard(ctx, k.Scheduled), pipe.ZCard(ctx, k.Retry), pipe.ZCard(ctx, k.Archived)
		return nil
	})
	if err != nil {
		return Depths{}, fmt.Errorf("count the tasks: %w", err)
	}
	return Depths{pending.Val(), active.Val(), scheduled.Val(), retry.Val(), archived.Val()}, nil
}
