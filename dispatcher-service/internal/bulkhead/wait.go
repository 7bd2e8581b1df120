package bulkhead

import (
	"context"
	"time"
)

// waiter is a worker that waits for a slot of a quick endpoint.
type waiter struct {
	links[waiter]
	visit    Request
	endpoint *endpoint
	answer   chan admission // has room for the one that is sent
}

type admission struct {
	permit   *Permit
	deferral Deferral
}

// await returns what the worker waits for, or holds the delivery if that takes too long.
func (b *Bulkheads) await(ctx context.Context, w *waiter) (*Permit, Deferral) {
	timer := time.NewTimer(queueing)
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
	case a := <-w.answer: // in the last moment
		return a.permit, a.deferral
	default:
	}
	w.endpoint.queue.remove(w)
	return nil, b.deferral(w.endpoint, w.visit, Concurrency, time.Now())
}

// paced has the endpoint's rate let the attempt through, which may take a moment, or holds the delivery.
func (b *Bulkheads) paced(ctx context.Context, permit *Permit, v Request) (*Permit, Deferral) {
	turn := b.limiter.reserve(ctx, v.EndpointID, v.RateLimit, permit.endpoint)
	if turn.granted && sleep(ctx, turn.wait) == nil {
		return permit, Deferral{}
	}
	b.mutex.Lock()
	defer b.unlock()
	now, e := time.Now(), permit.endpoint
	b.release(permit)
	e.limitedUntil = later(e.limitedUntil, now.Add(turn.retry))
	e.interval = time.Second / time.Duration(v.RateLimit)
	return nil, b.deferral(e, v, Rate, now)
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
