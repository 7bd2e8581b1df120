package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// installationsKey is a sorted set of installations, by the Unix time of their last registration.
const installationsKey = ownPrefix + "installations"

// installationTTL is how many seconds a registration lasts. An installation that was switched off, or whose database was moved, expires
// after it.
const installationTTL = 60

// registerScript registers an installation and returns all whose registration has not expired.
// KEYS: installationsKey. ARGV: the installation, installationTTL.
var registerScript = redis.NewScript(`
local now = tonumber(redis.call("TIME")[1])
redis.call("ZADD", KEYS[1], now, ARGV[1])
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", now - ARGV[2])
redis.call("EXPIRE", KEYS[1], ARGV[2] * 2)
return redis.call("ZRANGE", KEYS[1], 0, -1)`)

// RegisterInstallation records that the installation uses this Redis database, and returns the other installations that do. Call it
// again before a minute has passed: a registration expires after it. Two installations on one Redis database dequeue each other's
// tasks, and find no deliveries for them.
func (e *Enqueuer) RegisterInstallation(ctx context.Context, installation string) (others []string, err error) {
	all, err := registerScript.Run(ctx, e.redis, []string{installationsKey}, installation, installationTTL).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("register the installation: %w", err)
	}
	return slices.DeleteFunc(all, func(other string) bool { return other == installation }), nil
}
