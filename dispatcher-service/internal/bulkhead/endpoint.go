package bulkhead

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// endpoint is what is known about one.
type endpoint struct {
	links[endpoint] // in the order of last use
	id              string
	used            time.Time
	place           int // in what is tended, from 1; 0 is not there

	flight  chain[Permit, *Permit] // the attempts in flight, in the order in which they were begun
	current int                    // how many of them are of the circuit's generation
	probes  int                    // and how many are what a half-open circuit waits for
	queue   chain[waiter, *waiter] // workers that wait for a slot
	line    heap                   // deliveries that were put off
	calls   chain[held, *held]     // those among them that were woken, and have a slot kept for them
	heldAt  time.Time              // since when there has been a line
	// callNext: the next slot is for the line, although there are workers that wait.
	callNext bool

	breaker   breaker
	answered  time.Time     // when one was last answered in time
	service   time.Duration // a moving mean of the time that attempts take
	ended     time.Time     // when one last ended
	lastError string        // of the last attempt, if it did not succeed

	// limitedUntil is when its rate may let another attempt through, and interval what each call of one puts that off by; 0
	// while the rate has not been used up.
	limitedUntil time.Time
	interval     time.Duration
	local        atomic.Pointer[rate.Limiter] // while Redis is away
}

// occupied is how many slots are taken or kept.
func (e *endpoint) occupied() int { return e.flight.size + e.calls.size }

// idle says whether nothing is under way.
func (e *endpoint) idle() bool {
	return e.occupied() == 0 && len(e.line) == 0 && e.queue.first == nil
}

// well says whether the endpoint gets a whole share.
func (e *endpoint) well(now time.Time) bool {
	oldest := e.flight.first
	return e.breaker.well() && (oldest == nil || now.Sub(oldest.began) < stalling)
}

// quick says whether one more worker may wait for a slot: an attempt has ended or been begun a moment ago, and those that are
// in front will be through in another.
func (e *endpoint) quick(limit int, now time.Time) bool {
	oldest := e.flight.first
	if limit == 0 || oldest == nil || e.breaker.state != Closed || e.breaker.ramp > 0 || now.Before(e.limitedUntil) {
		return false
	}
	moved := e.ended
	if oldest.began.After(moved) {
		moved = oldest.began
	}
	front := e.queue.size + 1
	if len(e.line) > 0 {
		front *= 2 // every other slot goes to the line
	}
	return now.Sub(moved) < queueing && time.Duration(front)*e.service <= queueing*time.Duration(limit)
}

// find returns the endpoint and marks it as used. It makes room before it makes a new one.
func (b *Bulkheads) find(id string, now time.Time) *endpoint {
	e := b.endpoints[id]
	if e != nil {
		b.recent.remove(e)
	} else {
		if len(b.endpoints) >= b.mostEndpoints {
			b.forget(now)
		}
		e = &endpoint{id: id}
		b.endpoints[id] = e
	}
	e.used = now
	b.recent.pushBack(e)
	return e
}

// forgetBefore drops endpoints that were last used before a time. Busy ones are in use.
func (b *Bulkheads) forgetBefore(limit, now time.Time) {
	for e := b.recent.first; e != nil && e.used.Before(limit); e = b.recent.first {
		b.recent.remove(e)
		if !e.idle() {
			e.used = now
			b.recent.pushBack(e)
			continue
		}
		b.untend(e)
		delete(b.endpoints, e.id)
	}
}

// forget drops the endpoint that was used longest ago and is idle, if there is one among a few. There may be more than
// mostEndpoints that are not: as many as there are workers and deliveries that are remembered.
func (b *Bulkheads) forget(now time.Time) {
	for range min(forgetTries, b.recent.size) {
		e := b.recent.first
		b.recent.remove(e)
		if e.idle() {
			b.untend(e)
			delete(b.endpoints, e.id)
			return
		}
		e.used = now
		b.recent.pushBack(e)
	}
}

// tend puts the endpoint among those that are looked after at every beat.
func (b *Bulkheads) tend(e *endpoint) {
	if e.place == 0 {
		b.tended = append(b.tended, e)
		e.place = len(b.tended)
	}
}

func (b *Bulkheads) untend(e *endpoint) {
	if e.place == 0 {
		return
	}
	last := b.tended[len(b.tended)-1]
	b.tended[e.place-1] = last
	last.place = e.place
	b.tended[len(b.tended)-1] = nil
	b.tended = b.tended[:len(b.tended)-1]
	e.place = 0
}
