package pacing

import (
	"context"
	_ "embed"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// redisTimeout bounds a call to Redis. A worker waits for it.
	redisTimeout = 250 * time.Millisecond
	// redisPause is how long Redis is not called after a failed call.
	redisPause = 2 * time.Second
	// keyPrefix precedes the endpoint's ID.
	keyPrefix = "redrive:rate:"
)

//go:embed reserve.lua
var reserveSource string

var reserveScript = redis.NewScript(reserveSource)

// Limiter reserves turns, shared with other replicas through Redis. It is safe for concurrent use.
type Limiter struct {
	redis   redis.UniversalClient // nil: turns are not shared
	timeout time.Duration
	log     *slog.Logger
	// pausedUntil is when Redis may be called again, in Unix nanoseconds.
	pausedUntil atomic.Int64
}

// New makes a Limiter. A nil client shares nothing.
func New(client redis.UniversalClient, log *slog.Logger) *Limiter {
	return &Limiter{redis: client, timeout: redisTimeout, log: log}
}

// Local is the TAT of an endpoint in this process, for use without Redis. The zero value has a whole allowance. It is safe for
// concurrent use.
type Local struct{ tat atomic.Int64 } // in Unix nanoseconds

// Reserve reserves a turn for a request to the endpoint. If ctx ends meanwhile, the turn is not granted. If Redis does not respond
// the turn is reserved in local.
func (l *Limiter) Reserve(ctx context.Context, endpointID string, limit Limit, local *Local) Turn {
	if l.redis == nil || time.Now().UnixNano() < l.pausedUntil.Load() {
		return local.reserve(limit, time.Now())
	}
	calling, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	wait, err := reserveScript.Run(calling, l.redis, []string{keyPrefix + endpointID},
		limit.Interval.Microseconds(), limit.tolerance().Microseconds(), Horizon.Microseconds()).Int64()
	switch {
	case err == nil:
		return limit.turn(time.Duration(wait) * time.Microsecond)
	case ctx.Err() != nil:
		return Turn{} // the worker is stopping: that says nothing about Redis
	}
	l.pausedUntil.Store(time.Now().Add(redisPause).UnixNano())
	l.log.WarnContext(ctx, "rate limits not shared with other replicas", "error", err)
	return local.reserve(limit, time.Now())
}

func (l *Local) reserve(limit Limit, now time.Time) Turn {
	for {
		before := l.tat.Load()
		after, turn := limit.Reserve(time.Unix(0, before), now)
		if !turn.Granted || l.tat.CompareAndSwap(before, after.UnixNano()) {
			return turn
		}
	}
}
