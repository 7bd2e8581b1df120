package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/pacing"
)

// held is a held delivery. Without a slot it is in its endpoint's heap held. With a reserved slot it is in the list reservations.
type held struct {
	node[held]
	id, queue string
	due       time.Time
	endpoint  *endpoint
	index     int       // position in the heap
	since     time.Time // when it was last held or reserved
	until     time.Time // end of its task's snooze

	reserved bool
	pending  bool      // the last wake made its task pending
	checkAt  time.Time // when to wake its task again
	degraded bool      // whether the endpoint was degraded when the slot was reserved
	tries    int       // wakes that failed because a worker had the task
}

// remember adds a delivery to the held ones, unless there are too many.
func (b *Bulkheads) remember(e *endpoint, r Request, until, now time.Time) {
	if h := b.held[r.DeliveryID]; h != nil {
		h.since, h.until = now, until
		return
	}
	if len(b.held) >= b.options.MaxHeld || len(e.held) >= max(1, b.options.MaxHeld/maxHeldShare) {
		return
	}
	h := &held{id: r.DeliveryID, queue: r.Queue, due: r.DueAt, endpoint: e, since: now, until: until}
	b.held[h.id] = h
	b.enqueue(h)
}

func (b *Bulkheads) enqueue(h *held) {
	e := h.endpoint
	b.watch(e)
	if len(e.held) == 0 {
		e.heldSince = h.since
	}
	e.held.add(h)
}

// reserve reserves a slot for a held delivery and requests its wake.
func (b *Bulkheads) reserve(h *held, now time.Time) {
	e := h.endpoint
	h.degraded = !e.healthy(now)
	e.held.remove(h)
	e.reservations.pushBack(h)
	h.reserved, h.pending, h.since, h.checkAt = true, false, now, now.Add(reservationCheck)
	b.slots.Take(h.degraded)
	if e.interval > 0 { // the limiter lets an endpoint catch up on at most pacing.Horizon of unused rate
		e.limitedUntil = later(e.limitedUntil, now.Add(-pacing.Horizon)).Add(e.interval)
	}
	b.requestWake(h)
}

// unreserve frees the reserved slot.
func (b *Bulkheads) unreserve(h *held) {
	h.endpoint.reservations.remove(h)
	h.reserved = false
	b.slots.Free(h.degraded)
}

// cancel frees the reserved slot and holds the delivery again. If its task is pending already, the delivery is dropped instead, since a
// worker will dequeue the task and call Acquire.
func (b *Bulkheads) cancel(h *held) {
	if h.pending {
		b.drop(h)
		return
	}
	b.unreserve(h)
	b.enqueue(h)
}

// drop removes a delivery from the held ones and frees its slot if one is reserved.
func (b *Bulkheads) drop(h *held) {
	if h.reserved {
		b.unreserve(h)
	} else {
		h.endpoint.held.remove(h)
	}
	delete(b.held, h.id)
}

// expireReservations cancels the reservations that are older than reservationTTL. It wakes the tasks of the others again when their
// check is due, because another replica may have dequeued and snoozed them.
func (b *Bulkheads) expireReservations(e *endpoint, now time.Time) {
	for h := e.reservations.first; h != nil && !now.Before(h.checkAt); h = e.reservations.first {
		if now.Sub(h.since) >= reservationTTL {
			b.cancel(h)
			b.metrics.expired.Inc()
			continue
		}
		h.checkAt = now.Add(reservationCheck)
		e.reservations.remove(h)
		e.reservations.pushBack(h)
		b.requestWake(h)
	}
}

// youngestReservation returns the reserved delivery that is due last, or nil.
func (e *endpoint) youngestReservation() *held {
	youngest := e.reservations.first
	for h := youngest; h != nil; h = h.next {
		if before(youngest, h) {
			youngest = h
		}
	}
	return youngest
}
