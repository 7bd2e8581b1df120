package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
)

// limit returns how many slots the endpoint may have now.
func (b *Bulkheads) limit(e *endpoint, now time.Time) int {
	return b.slots.Limit(!e.healthy(now), now.Sub(e.lastAnswer) < recentAnswer)
}

// refuse returns why a delivery with this due time may not be attempted now, or noCause.
func (b *Bulkheads) refuse(e *endpoint, due, now time.Time) Cause {
	b.advance(e, now)
	overdue := now.Sub(due) >= b.options.MaxHold
	c := &e.circuit
	switch {
	case c.State == circuit.Open && !overdue,
		c.State == circuit.HalfOpen && !overdue && e.probes+e.reservations.size > 0,
		c.Ramp > 0 && e.current+e.reservations.size >= c.Ramp:
		return Circuit
	case now.Before(e.limitedUntil):
		return Rate
	case e.occupied() >= b.limit(e, now):
		return Concurrency
	}
	return noCause
}

// advance makes the circuit half open if its open period has ended.
func (b *Bulkheads) advance(e *endpoint, now time.Time) {
	if e.circuit.Advance(now) {
		b.logTransition(e)
	}
}

// canWake reports whether held deliveries can be woken at all.
func (b *Bulkheads) canWake(now time.Time) bool {
	return b.options.Waker != nil && !now.Before(b.wakesPausedUntil)
}

// assign gives free slots of the endpoint to waiting workers and to held deliveries, in turn where there are both.
func (b *Bulkheads) assign(e *endpoint, now time.Time) {
	for {
		w, h := e.waiters.first, b.nextHeld(e, now)
		wake := h != nil && (w == nil || e.heldNext)
		switch {
		case wake && b.refuse(e, h.due, now) == noCause:
			b.reserve(h, now)
		case !wake && w != nil && b.refuse(e, w.request.DueAt, now) == noCause:
			e.waiters.remove(w)
			w.answer <- admission{permit: b.grant(e, now)}
		default:
			return
		}
		e.heldNext = !wake
	}
}

// nextHeld returns the held delivery to be woken next, or nil if none may be woken now.
func (b *Bulkheads) nextHeld(e *endpoint, now time.Time) *held {
	h := e.held.first()
	if h == nil || !b.canWake(now) || now.Sub(h.since) < sleepDelay || b.slots.Full() {
		return nil
	}
	return h
}

// reassign assigns a slot that has become free. When one endpoint uses less, the others may use more: two of them are visited
// first, so that a few slots go round among many endpoints.
func (b *Bulkheads) reassign(e *endpoint, now time.Time) {
	for range min(2, len(b.watched)) {
		b.visitNext(now)
	}
	b.assign(e, now)
}

// rejectAll cancels the reservations of an endpoint whose circuit has just opened, and defers its waiting workers.
func (b *Bulkheads) rejectAll(e *endpoint, now time.Time) {
	b.watch(e)
	for h := e.reservations.first; h != nil; h = e.reservations.first {
		b.cancel(h)
	}
	for w := e.waiters.first; w != nil; w = e.waiters.first {
		e.waiters.remove(w)
		cause := b.refuse(e, w.request.DueAt, now)
		if cause == noCause {
			cause = Concurrency // the circuit may not hold it any longer, and it has no slot
		}
		w.answer <- admission{deferral: b.hold(e, w.request, cause, now)}
	}
}
