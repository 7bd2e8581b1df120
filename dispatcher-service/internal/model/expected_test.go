package model_test

import (
	"fmt"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// expected is the model of one delivery. Its methods state the rules for deliveries as briefly as possible.
type expected struct {
	id         string
	eventID    string
	endpoint   *endpoint
	status     webhook.Status
	reason     webhook.FailureReason
	retryCount int
	maxRetries int
	revision   int64
	orphans    int
	dueAt      time.Time // due time while the delivery is retrying
	attempts   []attempt
	sends      int
	lost       int // attempts that were started and have no recorded outcome
}

// attempt is a recorded attempt, with the status of its response.
type attempt struct {
	outcome webhook.AttemptOutcome
	status  int
}

type endpoint struct {
	webhook.Endpoint
	disabled bool
	changes  int // number of changes of the status
}

// set changes the status of the endpoint.
func (e *endpoint) set(disabled bool) {
	e.disabled = disabled
	e.changes++
}

func (e *expected) waiting() bool {
	return e.status == webhook.StatusPending || e.status == webhook.StatusRetrying
}

// copied returns a copy of the present state.
func (e *expected) copied() *expected {
	now, endpoint := *e, *e.endpoint
	now.endpoint, now.attempts = &endpoint, slices.Clone(e.attempts)
	return &now
}

// sendable reports whether a worker that has loaded this state may send the delivery now. due reports the same without the state of the
// endpoint.
func (e *expected) sendable(now time.Time) (sendable, due bool) {
	due = e.due(now)
	return due && !e.endpoint.disabled, due
}

// due reports whether the delivery waits for an attempt and its due time has come.
func (e *expected) due(now time.Time) bool {
	return e.status == webhook.StatusPending || e.status == webhook.StatusRetrying && !now.Before(e.dueAt)
}

// answered applies an attempt whose outcome has reached the database. It reports whether the attempt changed the delivery, which was
// decided by the loaded state. A 410 disables the endpoint unless the endpoint's status has changed since the load.
func (e *expected) answered(known *expected, status int, dueAt time.Time) bool {
	if known.revision != e.revision {
		e.attempts = append(e.attempts, attempt{webhook.AttemptSuperseded, status})
		return false
	}
	e.revision++
	e.orphans = 0
	if e.status == webhook.StatusRetrying {
		e.retryCount++
	}
	if status == 200 {
		e.status = webhook.StatusSuccess
		e.attempts = append(e.attempts, attempt{webhook.AttemptSuccess, status})
		return true
	}
	e.attempts = append(e.attempts, attempt{webhook.AttemptFailure, status})
	switch {
	case status == 410:
		e.status = webhook.StatusFailure
		if known.endpoint.changes == e.endpoint.changes {
			e.endpoint.set(true)
		}
	case e.retryCount >= e.maxRetries:
		e.status = webhook.StatusFailure
	default:
		e.status, e.dueAt = webhook.StatusRetrying, dueAt
	}
	return true
}

// differs returns how a row and its recorded attempts differ from the expected ones, or an empty string.
func (e *expected) differs(row webhook.Delivery, outcomes []attempt) string {
	orphans := row.OrphanCount
	if !e.waiting() {
		orphans = e.orphans // the count of an ended delivery has no effect
	}
	got := fmt.Sprintf("%s %q retries %d revision %d orphans %d attempts %v", row.Status, row.FailureReason, row.RetryCount, row.Revision, orphans, outcomes)
	want := fmt.Sprintf("%s %q retries %d revision %d orphans %d attempts %v", e.status, e.reason, e.retryCount, e.revision, e.orphans, e.attempts)
	if got == want {
		return ""
	}
	return fmt.Sprintf("it is %s, and should be %s", got, want)
}

// failed ends the delivery without an attempt.
func (e *expected) failed(reason webhook.FailureReason) {
	e.status, e.reason = webhook.StatusFailure, reason
	e.revision++
}

// orphaned counts an attempt whose process was killed.
func (e *expected) orphaned() {
	if !e.waiting() {
		return
	}
	if e.orphans++; e.orphans == webhook.MaxOrphans {
		e.failed(webhook.FailureOrphaned)
	}
}

func (e *expected) retryable() bool {
	return e.status == webhook.StatusFailure && !e.endpoint.disabled
}

func (e *expected) retried() {
	e.status, e.reason, e.retryCount, e.orphans = webhook.StatusPending, "", 0, 0
	e.revision++
}
