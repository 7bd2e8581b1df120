// Package audit compares the records of a run with the requests that its receiver read. It is pure: its input is a history and its output
// are findings, so each rule is tested on a constructed history.
//
//	answers of the API ─────┐
//	rows and attempts ──────┼─▶ one story for each delivery ─▶ findings
//	requests ───────────────┤                                  recoveries
//	faults ─────────────────┘
//
// The rules are the promises of at-least-once delivery. Nothing accepted is lost. A delivery that was sent twice was in flight at a fault.
// Record and receiver agree. No outcome is overwritten. Nothing is sent before its time.
package audit

import (
	"time"

	"redrive/pkg/webhook"
)

// History is the complete record of a run.
type History struct {
	// Accepted are the deliveries that the API confirmed with a 2xx.
	Accepted []string
	// Deliveries and Attempts are all rows of the database.
	Deliveries []Delivery
	Attempts   []Attempt
	// Requests are the requests that the receiver read, in the order of their receipts.
	Requests []Request
	// Faults are the injected faults, in order.
	Faults []Fault
	// Retries are the requests for retries by hand.
	Retries []Retry
	// Timeout bounds an attempt.
	Timeout time.Duration
	// Tolerance is how many times longer than usual the programs may take for what they do, on a busy machine. 0 means 1. With a higher one,
	// more requests count as in flight at a fault or as unanswered. The rules about what was lost or overwritten are as strict.
	Tolerance int
	// Fails reports whether the receiver refuses every attempt of a delivery.
	Fails func(delivery string) bool
}

// tolerated returns how long something may take.
func (h *History) tolerated(usual time.Duration) time.Duration {
	return usual * time.Duration(max(1, h.Tolerance))
}

// Delivery is a row.
type Delivery struct {
	ID, Event     string
	Path          string // of its endpoint
	Status        webhook.Status
	FailureReason webhook.FailureReason
	LastAttempt   string
	RetryCount    int
	MaxRetries    int
	AttemptCount  int
	Created       time.Time
}

// Attempt is a recorded attempt.
type Attempt struct {
	ID, Delivery string
	Number       int
	Outcome      webhook.AttemptOutcome
	Started      time.Time
	Duration     time.Duration
	Status       int       // 0: no answer
	Receipt      int64     // 0: the answer had no receipt
	Next         time.Time // the time of the next attempt, if any
}

func (a Attempt) ended() time.Time { return a.Started.Add(a.Duration) }

// committed reports whether the attempt changed the delivery.
func (a Attempt) committed() bool { return a.Outcome != webhook.AttemptSuperseded }

// ends reports whether the attempt ended the delivery.
func (a Attempt) ends() bool { return a.committed() && a.Next.IsZero() }

// Request is a request that arrived completely.
type Request struct {
	Receipt    int64
	Delivery   string // the webhook-id
	Path       string
	Event      string // the ID in the body
	BodyHash   uint64
	Timestamp  int64
	Dispatcher int
	Arrived    time.Time
	Answered   time.Time // zero: never
	Status     int       // 0: the connection was closed instead of an answer
	RetryAfter time.Duration
	// Abandoned means that the sender had disconnected or timed out before there was an answer.
	Abandoned bool
	// Problem is the reason why the signature does not verify.
	Problem string
}

// Retry is a retry by hand of a delivery that had failed.
type Retry struct {
	Delivery     string
	Began, Ended time.Time
	// Answered reports whether the API answered 200. Without an answer, the retry may have been made.
	Answered bool
}

// Kind is the kind of a fault.
type Kind string

// The kinds of faults.
const (
	DispatcherKilled  Kind = "dispatcher killed"
	DispatcherStopped Kind = "dispatcher stopped"
	DispatcherFrozen  Kind = "dispatcher frozen"
	APIKilled         Kind = "API killed"
	APIStopped        Kind = "API stopped"
	RedisKilled       Kind = "Redis killed"
	RedisFlushed      Kind = "Redis flushed"
	RedisPartitioned  Kind = "Redis partitioned"
	// RedisSwitchedOver is that a replica was promoted while the old primary continued to answer. What the old primary was told until the end
	// of the fault is lost.
	RedisSwitchedOver   Kind = "Redis switched over"
	PostgresStopped     Kind = "Postgres stopped"
	PostgresPartitioned Kind = "Postgres partitioned"
	// ReceiversPartitioned is that a dispatcher does not reach any receiver.
	ReceiversPartitioned Kind = "receivers partitioned"
)

// Fault is one injected fault.
type Fault struct {
	Kind       Kind
	Dispatcher int // the dispatcher, if it was a dispatcher's
	Began      time.Time
	// Over is the end of the fault: the process runs again, or the server answers.
	Over time.Time
	// Down is the time until which a server was certainly down. It answers before the harness detects it. Zero means that it was not down.
	Down time.Time
}

// lostUntil is the time until which a change of the queue may be lost. One that was made shortly before the fault may be lost too.
func (f Fault) lostUntil() time.Time {
	if f.Kind == RedisSwitchedOver {
		return f.Over
	}
	return f.Began
}

// Of reports whether the fault is of one of the kinds.
func (f Fault) Of(kinds ...Kind) bool {
	for _, kind := range kinds {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// Finding is a broken promise.
type Finding struct {
	Rule     string
	Delivery string
	Detail   string
}
