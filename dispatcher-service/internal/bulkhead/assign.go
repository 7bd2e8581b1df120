package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
)

// limit returns how many slots the endpoint may have now.
func (b *Bulkheads) limit(e *endpoint, now time.Time) int {
	return b.slots.Limit(!e.healthy(now), now.Sub(e.lastAnswer) < recentAnswer)
}

// refuse returns why a delivery that was due at due may not be attempted now. It returns noCause if the delivery may be attempted.
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

// canWake reports whether tasks of held deliveries can be woken: there is a Waker, and Redis has not just failed.
func (b *Bulkheads) canWake(now time.Time) bool {
	return b.options.Waker != nil && !now.Before(b.wakesPausedUntil)
}

// assign gives the endpoint's free slots to waiting workers and to held deliveries. It alternates between them if there are both.
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

// reassign assigns a slot that the endpoint has freed. It visits two watched endpoints first, because any endpoint may use the slot.
// Without those visits, one endpoint could use the same slot again and again while others have held deliveries.
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
			cause = Concurrency // the delivery is overdue by MaxHold, so the open circuit is no reason to hold it
		}
		w.answer <- admission{deferral: b.hold(e, w.request, cause, now)}
	}
}
