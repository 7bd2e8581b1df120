package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// ErrPaused says that an operator has paused the queue: no task is taken from it.
var ErrPaused = errors.New("the queue is paused")

// CheckPaused returns ErrPaused for a queue that asynq does not take tasks from, as `asynq queue pause` makes it.
func (e *Enqueuer) CheckPaused(ctx context.Context, queue string) error {
	found, err := e.redis.Exists(ctx, keys.Of(queue).Paused).Result()
	switch {
	case err != nil:
		return fmt.Errorf("look whether the queue is paused: %w", err)
	case found == 1:
		return ErrPaused
	}
	return nil
}

// installationsKey holds when each installation was here last.
const installationsKey = ownPrefix + "installations"

// installationLives is after how many seconds an installation that has not been here is gone: one whose database was moved, or
// that was switched off.
const installationLives = 60

// claimScript notes an installation, and returns those that were here lately.
// KEYS: installationsKey. ARGV: the installation, for how many seconds it lives.
var claimScript = redis.NewScript(`
local now = tonumber(redis.call("TIME")[1])
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - ARGV[2])
redis.call("EXPIRE", KEYS[1], ARGV[2] * 2)
return redis.call("ZRANGE", KEYS[1], 0, -1)`)

// Claim notes that the installation uses this Redis database, and returns the others that do. It has to be repeated within a minute.
// Two installations on one Redis database take each other's tasks, and find no row for them.
func (e *Enqueuer) RegisterInstallation(ctx context.Context, installation string) (others []string, err error) {
	all, err := claimScript.Run(ctx, e.redis, []string{installationsKey}, installation, installationLives).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("note the installation: %w", err)
	}
	return slices.DeleteFunc(all, func(other string) bool { return other == installation }), nil
}
