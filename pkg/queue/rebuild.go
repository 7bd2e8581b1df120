package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/webhook"
)

// ownPrefix begins the names of our own keys. In a cluster they are where the tasks of webhook.QueueDeliveries are: what is lost
// is lost together with them, and one script can have several.
const ownPrefix = "redrive:{" + webhook.QueueDeliveries + "}:"

// markerKey is in Redis for as long as Redis holds what was put into it: whatever empties Redis takes it away too. In a cluster
// that is the node that holds the tasks.
const markerKey = ownPrefix + "intact"

// A rebuild is one process's at a time: the others need not do the same work again. It is no leader's: two at it do no harm.
//
// rebuildKey holds the token of the process whose turn it is for as long as it goes on saying so: one that dies is followed after
// rebuildTurn. fillingKey holds the token of the process that has begun last, for as long as Redis keeps anything. So a turn that
// has merely passed, and that nobody else has taken, is told from a Redis that was emptied.
const (
	rebuildKey  = ownPrefix + "rebuilding"
	fillingKey  = ownPrefix + "filling"
	rebuildTurn = 5 * time.Second
)

// The scripts answer rebuildMine, or else what has become of the rebuild. KEYS: rebuildKey, fillingKey, markerKey. ARGV: the
// token, the turn in milliseconds.
var (
	beginScript = redis.NewScript(`
if not redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
	return 0
end
redis.call("SET", KEYS[2], ARGV[1])
return 1`)
	holdScript = redis.NewScript(whose + `
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1`)
	markScript = redis.NewScript(whose + `
redis.call("SET", KEYS[3], "1")
redis.call("DEL", KEYS[1], KEYS[2])
return 1`)
	abandonScript = redis.NewScript(whose + `
redis.call("DEL", KEYS[1])
return 1`)
)

const whose = `
local last = redis.call("GET", KEYS[2])
if last ~= ARGV[1] then
	return last and 0 or -1
end`

const (
	rebuildMine    = 1
	rebuildEmptied = -1
)

var (
	// ErrRedisEmptied says that Redis was emptied while the queue was being rebuilt: some of what was enqueued is gone.
	ErrRedisEmptied = errors.New("the queue was emptied again while it was being filled")
	// ErrRebuildTaken says that this process was too slow to say that it is at the rebuild: another has begun one.
	ErrRebuildTaken = errors.New("another process has begun to fill the queue")
)

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
	begun, err := e.runRebuild(ctx, beginScript, token)
	switch {
	case err != nil:
		return "", fmt.Errorf("begin to rebuild the queue: %w", err)
	case begun != rebuildMine:
		return "", nil
	}
	return token, nil
}

// RenewRebuild is for whoever is at it, every second or so. A turn that has passed is taken again, unless another process has taken
// it: ErrRebuildTaken. ErrRedisEmptied says that what was enqueued so far is gone.
func (e *Enqueuer) RenewRebuild(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "go on rebuilding the queue", holdScript, token)
}

// MarkIntact is for after the queue was rebuilt, never before: a rebuild that was cut short has to be begun again. So has one
// that Redis was emptied under: ErrRedisEmptied.
func (e *Enqueuer) MarkIntact(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "mark the queue as intact", markScript, token)
}

// AbandonRebuild is for one that was cut short, so that the next, of this process or another, need not wait for its turn to pass.
func (e *Enqueuer) AbandonRebuild(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "abandon rebuilding the queue", abandonScript, token)
}

func (e *Enqueuer) ownRebuild(ctx context.Context, doing string, script *redis.Script, token string) error {
	answer, err := e.runRebuild(ctx, script, token)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	case answer == rebuildEmptied:
		return ErrRedisEmptied
	case answer != rebuildMine:
		return ErrRebuildTaken
	}
	return nil
}

func (e *Enqueuer) runRebuild(ctx context.Context, script *redis.Script, token string) (int, error) {
	return script.Run(ctx, e.redis, []string{rebuildKey, fillingKey, markerKey}, token, rebuildTurn.Milliseconds()).Int()
}
