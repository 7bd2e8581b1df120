package queue

import (
	"context"
	"fmt"
)

// markerKey is in Redis for as long as Redis holds what was put into it: whatever empties Redis takes it away too.
const markerKey = "redrive:intact"

// Intact says whether Redis still holds what was put into it since the queue was last rebuilt.
func (e *Enqueuer) Intact(ctx context.Context) (bool, error) {
	found, err := e.redis.Exists(ctx, markerKey).Result()
	if err != nil {
		return false, fmt.Errorf("look for the marker of an intact queue: %w", err)
	}
	return found == 1, nil
}

// MarkIntact is for after the queue was rebuilt, never before: a rebuild that was cut short has to be begun again.
func (e *Enqueuer) MarkIntact(ctx context.Context) error {
	if err := e.redis.Set(ctx, markerKey, "1", 0).Err(); err != nil {
		return fmt.Errorf("mark the queue as intact: %w", err)
	}
	return nil
}
