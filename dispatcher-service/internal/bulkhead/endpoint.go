package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/dispatcher-service/internal/pacing"
	"redrive/pkg/webhook"
)

// endpoint is the state of one endpoint.
type endpoint struct {
	node[endpoint] // in lru
	id             string
	used           time.Time // the last request
	index          int       // in watched, from 1; 0 is not watched

	inFlight     list[Permit, *Permit] // the permits, by start
	current      int                   // how many of them are of the circuit's present generation
	probes       int                   // how many of those are probes
	waiters      list[waiter, *waiter] // workers that wait for a slot
	held         heap                  // held deliveries without a slot
	reservations list[held, *held]     // held deliveries with a reserved slot, by next check
	heldSince    time.Time             // when held was last empty
	heldNext     bool                  // the next slot is for a held delivery, although workers wait

	circuit      circuit.Circuit
	lastAnswer   time.Time     // when an attempt was last answered in time
	meanDuration time.Duration // moving mean of the duration of attempts
	lastEnd      time.Time     // when an attempt last ended
	lastError    string        // of the last attempt, if it failed

	// limitedUntil is when the rate limit may allow the next attempt. Each reservation moves it on by interval, which is 0 until the
	// rate has been used up.
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

// healthy reports whether the endpoint gets a full share of the slots.
func (e *endpoint) healthy(now time.Time) bool {
	oldest := e.inFlight.first
	return e.circuit.Healthy() && (oldest == nil || now.Sub(oldest.began) < stalledAfter)
}

// acceptsWaiter reports whether one more worker may wait for a slot. An attempt has ended or started within maxSlotWait, and the
// workers in front get their slots within maxSlotWait.
func (e *endpoint) acceptsWaiter(limit int, now time.Time) bool {
	oldest := e.inFlight.first
	if limit == 0 || oldest == nil || e.circuit.State != circuit.Closed || e.circuit.Ramp > 0 || now.Before(e.limitedUntil) {
		return false
	}
	moved := later(e.lastEnd, oldest.began)
	front := e.waiters.size + 1
	if len(e.held) > 0 {
		front *= 2 // every other slot goes to a held delivery
	}
	return now.Sub(moved) < maxSlotWait && time.Duration(front)*e.meanDuration <= maxSlotWait*time.Duration(limit)
}
