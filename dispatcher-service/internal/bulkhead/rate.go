package bulkhead

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

const (
	// horizon is how far ahead a turn is given out; its worker waits for it. For longer waits the delivery is held.
	horizon = 250 * time.Millisecond
	// burstShare of a second's requests may be sent at once after a pause, and at least one: no second sees more than 11/10 of
	// the rate.
	burstShare = 10
	// limiterTimeout bounds the question to Redis. Workers wait for it.
	limiterTimeout = 250 * time.Millisecond
	// limiterPause is how long Redis is not asked after it has not answered.
	limiterPause = 2 * time.Second
	// limiterKey is what the keys begin with, after redis_rate's own prefix.
	limiterKey = "redrive:"
	// parts is what a request costs: redis_rate counts in whole requests, and the horizon of a low rate is a part of one.
	parts = 100
)

// limiter spaces the requests to an endpoint, over all replicas, by the generic cell rate algorithm in Redis. Where redis_rate
// would refuse a request, it is given a turn in the near future instead: it is asked for a larger burst, and what it says of the
// time until all is used up tells when within that the request's own turn is.
type limiter struct {
	shared    *redis_rate.Limiter
	timeout   time.Duration
	log       *slog.Logger
	awayUntil atomic.Int64 // Redis is not asked before, in Unix nanoseconds
}

func newLimiter(client redis.UniversalClient, log *slog.Logger) *limiter {
	l := &limiter{log: log, timeout: limiterTimeout}
	if client != nil {
		l.shared = redis_rate.NewLimiter(client)
	}
	return l
}

// turn is when a request may be sent: after a wait, or else no sooner than retry from now.
type turn struct {
	granted     bool
	wait, retry time.Duration
}

func burst(perSecond int) int { return max(1, perSecond/burstShare) }

// reserve takes a turn if there is one within the horizon. While Redis is away each replica keeps to the rate by itself.
func (l *limiter) reserve(asked context.Context, id string, perSecond int, e *endpoint) turn {
	if l.shared == nil || time.Now().UnixNano() < l.awayUntil.Load() {
		return l.reserveLocally(e, perSecond)
	}
	ctx, cancel := context.WithTimeout(asked, l.timeout)
	defer cancel()
	answer, err := l.shared.AllowN(ctx, limiterKey+id, redis_rate.Limit{
		Rate:   parts * perSecond,
		Burst:  parts*burst(perSecond) + int(float64(parts*perSecond)*horizon.Seconds()),
		Period: time.Second,
	}, parts)
	switch {
	case err != nil && asked.Err() != nil:
		return turn{} // the worker is told to stop
	case err != nil:
		l.awayUntil.Store(time.Now().Add(limiterPause).UnixNano())
		l.log.WarnContext(ctx, "rate limits not shared with other replicas", "error", err)
		return l.reserveLocally(e, perSecond)
	case answer.Allowed == 0:
		return turn{retry: answer.RetryAfter}
	}
	whole := time.Duration(burst(perSecond)) * time.Second / time.Duration(perSecond)
	return turn{granted: true, wait: max(0, answer.ResetAfter-whole)}
}

func (l *limiter) reserveLocally(e *endpoint, perSecond int) turn {
	now := time.Now()
	local := e.limiter(perSecond, now)
	reservation := local.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > horizon {
		reservation.CancelAt(now)
		return turn{retry: wait - horizon}
	}
	return turn{granted: true, wait: wait}
}

// limiter is the endpoint's own, for as long as there is no other.
func (e *endpoint) limiter(perSecond int, now time.Time) *rate.Limiter {
	local := e.local.Load()
	if local == nil {
		e.local.CompareAndSwap(nil, rate.NewLimiter(rate.Limit(perSecond), burst(perSecond)))
		local = e.local.Load()
	}
	if local.Limit() != rate.Limit(perSecond) {
		local.SetLimitAt(now, rate.Limit(perSecond))
		local.SetBurstAt(now, burst(perSecond))
	}
	return local
}
