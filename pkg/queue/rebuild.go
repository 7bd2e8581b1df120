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

// ownPrefix is the prefix of Redrive's own keys. Its hash tag is that of the queue's keys: in a cluster, they are on the same node and
// are lost together, and one script can use several of them.
const ownPrefix = "redrive:{" + webhook.QueueDeliveries + "}:"

// markerKey marks the queue as intact. It exists from the end of a rebuild until Redis loses its data.
const markerKey = ownPrefix + "intact"

// One process rebuilds the queue at a time, because a second rebuild would repeat the same work. Two at once do no harm.
//
// rebuildKey is the lease of the process that rebuilds. Its value is that process's token, and it expires after rebuildLease unless it
// is renewed. ownerKey holds the token of the last process that began a rebuild, and does not expire. A missing ownerKey therefore
// means that Redis was emptied during the rebuild; another token in it means that another process has begun a rebuild.
const (
	rebuildKey   = ownPrefix + "rebuilding"
	ownerKey     = ownPrefix + "filling"
	rebuildLease = 5 * time.Second
)

// The scripts return rebuildOwned, rebuildTaken or rebuildEmptied.
// KEYS: rebuildKey, ownerKey, markerKey. ARGV: the token, the lease in milliseconds.
var (
	beginScript = redis.NewScript(`
if not redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
	return 0
end
redis.call("SET", KEYS[2], ARGV[1])
return 1`)
	renewScript = redis.NewScript(checkOwner + `
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
return 1`)
	markScript = redis.NewScript(checkOwner + `
redis.call("SET", KEYS[3], "1")
redis.call("DEL", KEYS[1], KEYS[2])
return 1`)
	abandonScript = redis.NewScript(checkOwner + `
redis.call("DEL", KEYS[1])
return 1`)
)

// checkOwner begins the scripts that only the owner of the rebuild may run.
const checkOwner = `
local owner = redis.call("GET", KEYS[2])
if owner ~= ARGV[1] then
	return owner and 0 or -1
end`

const (
	rebuildOwned   = 1
	rebuildTaken   = 0
	rebuildEmptied = -1
)

var (
	// ErrRedisEmptied means that Redis lost its data during the rebuild, and with it some of the tasks enqueued so far.
	ErrRedisEmptied = errors.New("redis was emptied while the queue was being rebuilt")
	// ErrRebuildTaken means that this process did not renew its lease in time and another process has begun a rebuild.
	ErrRebuildTaken = errors.New("another process has begun to rebuild the queue")
)

// Intact reports whether Redis still holds the tasks of the last rebuild and those enqueued since.
func (e *Enqueuer) Intact(ctx context.Context) (bool, error) {
	found, err := e.redis.Exists(ctx, markerKey).Result()
	if err != nil {
		return false, fmt.Errorf("check the marker of an intact queue: %w", err)
	}
	return found == 1, nil
}

// BeginRebuild takes the lease of the rebuild and returns its token. The token is empty if another process holds the lease.
func (e *Enqueuer) BeginRebuild(ctx context.Context) (token string, err error) {
	token = rand.Text()
	result, err := e.runRebuild(ctx, beginScript, token)
	switch {
	case err != nil:
		return "", fmt.Errorf("begin to rebuild the queue: %w", err)
	case result != rebuildOwned:
		return "", nil
	}
	return token, nil
}

// RenewRebuild renews the lease of the rebuild, which lasts 5 s. It also takes an expired lease again if no other process has begun a
// rebuild. It returns ErrRebuildTaken if one has, and ErrRedisEmptied if the tasks enqueued so far are lost.
func (e *Enqueuer) RenewRebuild(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "renew the lease of the rebuild", renewScript, token)
}

// MarkIntact marks the queue as intact and ends the rebuild. Call it after all waiting deliveries have been enqueued. It returns
// ErrRebuildTaken or ErrRedisEmptied, and sets no mark, if the rebuild must start again.
func (e *Enqueuer) MarkIntact(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "mark the queue as intact", markScript, token)
}

// AbandonRebuild gives up the lease of a rebuild that ended early, so that the next one need not wait until the lease expires. It returns
// ErrRebuildTaken or ErrRedisEmptied if the lease is lost already.
func (e *Enqueuer) AbandonRebuild(ctx context.Context, token string) error {
	return e.ownRebuild(ctx, "abandon the rebuild", abandonScript, token)
}

func (e *Enqueuer) ownRebuild(ctx context.Context, doing string, script *redis.Script, token string) error {
	result, err := e.runRebuild(ctx, script, token)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", doing, err)
	case result == rebuildEmptied:
		return ErrRedisEmptied
	case result == rebuildTaken:
		return ErrRebuildTaken
	}
	return nil
}

func (e *Enqueuer) runRebuild(ctx context.Context, script *redis.Script, token string) (int, error) {
	return script.Run(ctx, e.redis, []string{rebuildKey, ownerKey, markerKey}, token, rebuildLease.Milliseconds()).Int()
}
