package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/dispatcher-service/internal/pacing"
	"redrive/pkg/webhook"
)

// endpoint is the state of one endpoint. It is protected by the mutex of Bulkheads.
type endpoint struct {
	node[endpoint] // links the endpoint into Bulkheads.lru
	id             string
	used           time.Time // time of the last request
	index          int       // position in Bulkheads.watched plus 1; 0 if the endpoint is not watched

	inFlight     list[Permit, *Permit] // granted permits, the oldest first
	current      int                   // permits in inFlight that belong to the circuit's present generation
	probes       int                   // permits counted in current that are probes
	waiters      list[waiter, *waiter] // workers that wait for a slot
	held         heap                  // held deliveries without a slot
	reservations list[held, *held]     // held deliveries with a reserved slot, by checkAt
	heldSince    time.Time             // since when held has not been empty
	heldNext     bool                  // a held delivery gets the next slot, even if workers wait

	circuit      circuit.Circuit
	lastAnswer   time.Time     // time of the last answer that came within the timeout
	meanDuration time.Duration // moving mean of the durations of attempts
	lastEnd      time.Time     // end of the last attempt
	lastError    string        // error of the last attempt; empty if it succeeded

	// limitedUntil is the estimated time at which the rate limit allows the next attempt. Each reservation adds interval to it, which is
	// 0 until the limiter has refused an attempt.
	limitedUntil time.Time
	interval     time.Duration
	pace         pacing.Local
}

// observe records the end of an attempt.
func (e *endpoint) observe(r webhook.Result, o circuit.Outcome, now time.Time) {
	e.lastEnd = now
	if e.meanDuration == 0 {
		e.meanDuration = r.Duration
	}
	e.meanDuration += (r.Duration - e.meanDuration) / 8
	e.lastError = r.ErrorMessage()
	if o == circuit.Answered {
		e.lastAnswer = now
	}
}

// occupied returns how many slots are taken or reserved.
func (e *endpoint) occupied() int { return e.inFlight.size + e.reservations.size }

// idle reports whether the endpoint has no attempts, no waiters and no held deliveries.
func (e *endpoint) idle() bool {
	return e.occupied() == 0 && len(e.held) == 0 && e.waiters.first == nil
}

// healthy reports whether the endpoint gets a full share of the slots: its circuit is healthy and no attempt has stalled.
func (e *endpoint) healthy(now time.Time) bool {
	oldest := e.inFlight.first
	return e.circuit.Healthy() && (oldest == nil || now.Sub(oldest.began) < stalledAfter)
}

// quick reports whether the endpoint has answered recently and its slots are soon free again.
func (e *endpoint) quick(now time.Time) bool {
	return e.healthy(now) && now.Sub(e.lastAnswer) < recentAnswer && e.meanDuration <= quickAnswer
}

// acceptsWaiter reports whether one more worker may wait for a slot. It requires that an attempt has started or ended within
// maxSlotWait, and that at the mean duration of attempts the worker gets a slot within maxSlotWait.
func (e *endpoint) acceptsWaiter(limit int, now time.Time) bool {
	oldest := e.inFlight.first
	if limit == 0 || oldest == nil || e.circuit.State != circuit.Closed || e.circuit.Ramp > 0 || now.Before(e.limitedUntil) {
		return false
	}
	active := later(e.lastEnd, oldest.began)
	needed := e.waiters.size + 1
	if len(e.held) > 0 {
		needed *= 2 // every other slot goes to a held delivery
	}
	return now.Sub(active) < maxSlotWait && time.Duration(needed)*e.meanDuration <= maxSlotWait*time.Duration(limit)
}
