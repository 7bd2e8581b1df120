package explain

import (
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Explanation says why a delivery is in its state.
type Explanation struct {
	// Code and Since are of the first cause.
	Code  Code
	Since time.Time
	// Summary names the endpoint, the time, the cause and what happens next.
	Summary string
	// Causes are all codes that apply, in the order of Codes. There is at least one.
	Causes []Cause
	// Next is the next attempt. It is nil if none follows by itself.
	Next     *NextAttempt
	Endpoint EndpointView
	Task     queue.Presence
}

// Cause is one code that applies.
type Cause struct {
	Code    Code
	Message string
	// Since is when it began, and Until when it ends by itself. They are zero if that is not known.
	Since, Until time.Time
	next         string // what happens next, for Summary
}

// NextAttempt is the attempt that follows by itself.
type NextAttempt struct {
	// At is when it is due.
	At time.Time
	// Number counts the attempts since the delivery was created or last retried by hand, from 1 to Most.
	Number, Most int
}

// EndpointView is the state of the delivery's endpoint.
type EndpointView struct {
	ID string
	// Status is empty if the endpoint was removed from the database.
	Status    webhook.EndpointStatus
	PausedAt  time.Time
	RateLimit int
	Circuit   queue.CircuitState
	// Known means that all dispatchers report the endpoint. InFlight and Limit are the sums of what they report.
	Known           bool
	InFlight, Limit int
}
