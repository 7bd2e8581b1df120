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

// rebuildKey holds the token of the process that is rebuilding the queue, for as long as it goes on saying so: the others need not
// do the same work again. It is no leader's: one that dies is followed after rebuildTurn, and two at it do no harm.
const (
	rebuildKey  = "redrive:rebuilding"
	rebuildTurn = 5 * time.Second
)

// holdScript and markScript do something if the token is still there: it is not once Redis was emptied, or the turn has passed.
var (
	holdScript = redis.NewScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then
	return 0
end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])`)
	markScript = redis.NewScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then
	return 0
end
redis.call("SET", KEYS[2], "1")
return redis.call("DEL", KEYS[1])`)
)

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

// BeginRebuild returns a token for the rebuild, or an empty one while another process is at it.
func (e *Enqueuer) BeginRebuild(ctx context.Context) (token string, err error) {
	token = rand.Text()
	begun, err := e.redis.SetNX(ctx, rebuildKey, token, rebuildTurn).Result()
	switch {
	case err != nil:
		return "", fmt.Errorf("begin to rebuild the queue: %w", err)
	case !begun:
		return "", nil
	}
	return token, nil
}

// HoldRebuild is for whoever is at it, every second or so. ErrEmptiedAgain says that what was enqueued so far is gone.
func (e *Enqueuer) HoldRebuild(ctx context.Context, token string) error {
	held, err := holdScript.Run(ctx, e.redis, []string{rebuildKey}, token, rebuildTurn.Milliseconds()).Int()
	return emptied("go on rebuilding the queue", held, err)
}

// MarkIntact is for after the queue was rebuilt, never before: a rebuild that was cut short has to be begun again. So has one
// that Redis was emptied under: ErrEmptiedAgain.
func (e *Enqueuer) MarkIntact(ctx context.Context, token string) error {
	marked, err := markScript.Run(ctx, e.redis, []string{rebuildKey, markerKey}, token).Int()
	return emptied("mark the queue as intact", marked, err)
}

func emptied(doing string, there int, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	case there == 0:
		return ErrEmptiedAgain
	}
	return nil
}
