package bulkhead

import (
	"context"
	"time"

	"redrive/dispatcher-service/internal/pacing"
	"redrive/pkg/lifecycle"
)

// waiter is a worker that waits for a slot of a fast endpoint.
type waiter struct {
	node[waiter]
	request  Request
	endpoint *endpoint
	answer   chan admission // has room for the one admission, so that sending it does not block
}

type admission struct {
	permit   *Permit
	deferral Deferral
}

// await blocks until the waiter is admitted or deferred. After maxSlotWait, or when ctx ends, it holds the delivery.
func (b *Bulkheads) await(ctx context.Context, w *waiter) (*Permit, Deferral) {
	timer := time.NewTimer(maxSlotWait)
	defer timer.Stop()
	select {
	case a := <-w.answer:
		return a.permit, a.deferral
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mutex.Lock()
	defer b.unlock()
	select {
	case a := <-w.answer: // sent before the mutex was acquired
		return a.permit, a.deferral
	default:
	}
	w.endpoint.waiters.remove(w)
	return nil, b.hold(w.endpoint, w.request, Concurrency, time.Now())
}

// pace blocks until the endpoint's rate limit allows the attempt, and returns the permit. If the wait would be too long or ctx ends, it
// releases the permit and holds the delivery.
func (b *Bulkheads) pace(ctx context.Context, permit *Permit, r Request) (*Permit, Deferral) {
	e := permit.endpoint
	limit := pacing.PerSecond(r.RateLimit)
	turn := b.limiter.Reserve(ctx, r.EndpointID, limit, &e.pace)
	if turn.Granted && lifecycle.Sleep(ctx, turn.Wait) == nil {
		return permit, Deferral{}
	}
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	b.release(permit)
	e.limitedUntil, e.interval = later(e.limitedUntil, now.Add(turn.Retry)), limit.Interval
	return nil, b.hold(e, r, Rate, now)
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}
