// Package audit holds what a run of Redrive left behind against what its receiver saw. It asks nobody and touches nothing: a
// history goes in, findings come out, so that each rule can be tried on a history made up for it.
//
//	what the API answered ──┐
//	rows and attempts ──────┼─▶ one story for each delivery ─▶ findings
//	what the receiver saw ──┤                                  recoveries
//	what was done to it ────┘
//
// The rules are the promises of at-least-once delivery: nothing accepted is lost; what is sent twice was in flight when
// something died; the record and the receiver agree; nothing that was decided is overwritten; nothing is sent before its time.
package audit

import (
	"time"

	"redrive/pkg/webhook"
)

// History is a run, once it is over.
type History struct {
	// Accepted is the deliveries that the API answered for with a 2xx.
	Accepted []string
	// Deliveries and Attempts are the database, whole.
	Deliveries []Delivery
	Attempts   []Attempt
	// Requests is what the receiver saw, in the order of its receipts.
	Requests []Request
	// Faults is what was done, in order.
	Faults []Fault
	// Timeout bounds an attempt.
	Timeout time.Duration
	// Fails says how the receiver decides about a delivery: it never takes some.
	Fails func(delivery string) bool
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

// Attempt is one on record.
type Attempt struct {
	ID, Delivery string
	Number       int
	Outcome      webhook.AttemptOutcome
	Started      time.Time
	Duration     time.Duration
	Status       int       // 0: no answer
	Receipt      int64     // 0: none came with the answer
	Next         time.Time // what it had scheduled
}

func (a Attempt) ended() time.Time { return a.Started.Add(a.Duration) }

// committed says whether the attempt decided something.
func (a Attempt) committed() bool { return a.Outcome != webhook.AttemptSuperseded }

// ends says whether it decided that the delivery is over.
func (a Attempt) ends() bool { return a.committed() && a.Next.IsZero() }

// Request is one that has arrived whole.
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
	Status     int       // 0: the connection was closed in place of an answer
	RetryAfter time.Duration
	// Abandoned: who had asked was gone, or had lost patience, before there was an answer.
	Abandoned bool
	// Problem says why the signature does not verify.
	Problem string
}

// Kind is what was done.
type Kind string

// The kinds of faults.
const (
	DispatcherKilled    Kind = "dispatcher killed"
	DispatcherStopped   Kind = "dispatcher stopped"
	DispatcherFrozen    Kind = "dispatcher frozen"
	APIKilled           Kind = "API killed"
	APIStopped          Kind = "API stopped"
	RedisKilled         Kind = "Redis killed"
	RedisFlushed        Kind = "Redis flushed"
	RedisPartitioned    Kind = "Redis partitioned"
	PostgresStopped     Kind = "Postgres stopped"
	PostgresPartitioned Kind = "Postgres partitioned"
)

// Fault is one thing that was done.
type Fault struct {
	Kind       Kind
	Dispatcher int // whose, if it was a dispatcher's
	Began      time.Time
	// Over is when it was undone: the process runs again, the server answers.
	Over time.Time
	// Down is until when a server was down for certain: it answers before the harness has heard that it does. Zero, it was not.
	Down time.Time
}

// Of says whether the fault is of one of the kinds.
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
