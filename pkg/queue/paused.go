package queue

import (
	"context"
	"errors"
	"fmt"

	"redrive/pkg/queue/internal/keys"
)

// ErrPaused means that an operator has paused the queue: workers dequeue nothing from it.
var ErrPaused = errors.New("the queue is paused")

// CheckPaused returns ErrPaused if the queue is paused, for example by `asynq queue pause`.
func (e *Enqueuer) CheckPaused(ctx context.Context, queue string) error {
	found, err := e.redis.Exists(ctx, keys.Of(queue).Paused).Result()
	switch {
	case err != nil:
		return fmt.Errorf("check whether the queue is paused: %w", err)
	case found == 1:
		return ErrPaused
	}
	return nil
}
