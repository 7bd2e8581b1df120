package bulkhead

import "time"

// held is a delivery that was put off: in the line of its endpoint, or called out of it.
type held struct {
	links[held]
	id, queue string
	due       time.Time
	endpoint  *endpoint
	place     int       // in the line
	since     time.Time // it was last put off, or called
	until     time.Time // it sleeps unless it is called
	called    bool
	coming    bool      // and its task is known to be awake
	look      time.Time // when to see what has become of one that was called
	unwell    bool      // the endpoint was, when it was called
	tries     int       // to wake it, in vain
}

// hold remembers a delivery that is put off.
func (b *Bulkheads) hold(e *endpoint, v Request, until, now time.Time) {
	if h := b.held[v.DeliveryID]; h != nil {
		h.since, h.until = now, until
		return
	}
	if len(b.held) >= b.options.Remember || len(e.line) >= max(1, b.options.Remember/perLine) {
		return
	}
	h := &held{id: v.DeliveryID, queue: v.Queue, due: v.DueAt, endpoint: e, since: now, until: until}
	b.held[h.id] = h
	b.lineUp(h)
}

func (b *Bulkheads) lineUp(h *held) {
	e := h.endpoint
	b.tend(e)
	if len(e.line) == 0 {
		e.heldAt = h.since
	}
	e.line.add(h)
}

// call keeps a slot for a delivery in the line and has its task woken.
func (b *Bulkheads) call(h *held, now time.Time) {
	e := h.endpoint
	h.unwell = !e.well(now)
	e.line.remove(h)
	e.calls.pushBack(h)
	h.called, h.coming, h.since, h.look = true, false, now, now.Add(callLook)
	b.occupied++
	if h.unwell {
		b.unwell++
	}
	if e.interval > 0 { // what has not been called in time is made up for, to an extent
		e.limitedUntil = later(e.limitedUntil, now.Add(-horizon)).Add(e.interval)
	}
	b.post(h)
}

// uncall gives up the slot that is kept.
func (b *Bulkheads) uncall(h *held) {
	h.endpoint.calls.remove(h)
	h.called = false
	b.occupied--
	if h.unwell {
		b.unwell--
	}
}

// dismiss gives up the slot that is kept for a delivery. If its task is awake it comes all the same, and lines up again.
func (b *Bulkheads) dismiss(h *held) {
	if h.coming {
		b.drop(h)
		return
	}
	b.uncall(h)
	b.lineUp(h)
}

// drop remembers a delivery no longer.
func (b *Bulkheads) drop(h *held) {
	if h.called {
		b.uncall(h)
	} else {
		h.endpoint.line.remove(h)
	}
	delete(b.held, h.id)
}

// lapse looks after those that were called and have not come. Another replica may have been given the task, and have put it off:
// it is woken again. One that does not come for long is dropped: it is on its way in a long queue, and needs no other call.
func (b *Bulkheads) lapse(e *endpoint, now time.Time) {
	for h := e.calls.first; h != nil && !now.Before(h.look); h = e.calls.first {
		if now.Sub(h.since) >= callPatience {
			b.dismiss(h)
			b.metrics.lapsed.Inc()
			continue
		}
		h.look = now.Add(callLook)
		e.calls.remove(h)
		e.calls.pushBack(h) // in the order of the next look
		b.post(h)
	}
}

// youngestCall is among the few that were called.
func (e *endpoint) youngestCall() *held {
	youngest := e.calls.first
	for h := youngest; h != nil; h = h.next {
		if before(youngest, h) {
			youngest = h
		}
	}
	return youngest
}

// pump hands out what slots there are: to workers that wait, and to the line, in turn where there are both.
func (b *Bulkheads) pump(e *endpoint, now time.Time) {
	for {
		w, h := e.queue.first, b.callable(e, now)
		call := h != nil && (w == nil || e.callNext)
		switch {
		case call && b.refuse(e, h.due, now) == causeNone:
			b.call(h, now)
		case !call && w != nil && b.refuse(e, w.visit.DueAt, now) == causeNone:
			e.queue.remove(w)
			w.answer <- admission{permit: b.grant(e, now)}
		default:
			return
		}
		e.callNext = !call
	}
}

// callable is the delivery to be woken next, if any may be.
func (b *Bulkheads) callable(e *endpoint, now time.Time) *held {
	h := e.line.first()
	if h == nil || !b.awake(now) || now.Sub(h.since) < settling || b.occupied >= b.options.Workers {
		return nil
	}
	return h
}
