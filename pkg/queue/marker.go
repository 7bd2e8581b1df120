package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// markerKey is in Redis for as long as Redis holds what was put into it: whatever empties Redis takes it away too.
const markerKey = "redrive:intact"

// rebuildKey and a token are in Redis while a rebuild is under way, for the same reason.
const (
	rebuildKey      = "redrive:rebuilding:"
	longestRebuild  = 24 * time.Hour // what a process that died leaves behind goes by itself
	markIntactLines = `
if redis.call("DEL", KEYS[2]) == 1 then
	redis.call("SET", KEYS[1], "1")
	return 1
end
return 0`
)

var markIntactScript = redis.NewScript(markIntactLines)

// ErrEmptiedAgain says that Redis was emptied while the queue was being rebuilt: some of what was enqueued is gone.
var ErrEmptiedAgain = errors.New("the queue was emptied again while it was being filled")

// Intact says whether Redis still holds what was put into it since the queue was last rebuilt.
func (e *Enqueuer) Intact(ctx context.Context) (bool, error) {
	found, err := e.redis.Exists(ctx, markerKey).Result()
	if err != nil {
		return false, fmt.Errorf("look for the marker of an intact queue: %w", err)
	}
	return found == 1, nil
}

// BeginRebuild returns a token that MarkIntact asks for.
func (e *Enqueuer) BeginRebuild(ctx context.Context) (token string, err error) {
	token = rand.Text()
	if err := e.redis.Set(ctx, rebuildKey+token, "1", longestRebuild).Err(); err != nil {
		return "", fmt.Errorf("begin to rebuild the queue: %w", err)
	}
	return token, nil
}

// MarkIntact is for after the queue was rebuilt, never before: a rebuild that was cut short has to be begun again. So has one
// that Redis was emptied under: ErrEmptiedAgain.
func (e *Enqueuer) MarkIntact(ctx context.Context, token string) error {
	marked, err := markIntactScript.Run(ctx, e.redis, []string{markerKey, rebuildKey + token}).Int()
	if err != nil {
		return fmt.Errorf("mark the queue as intact: %w", err)
	}
	if marked == 0 {
		return ErrEmptiedAgain
	}
	return nil
}
