package model_test

import (
	"fmt"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// expected is what the model knows of one delivery: the whole of the rules, in as few lines as they take.
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
	dueAt      time.Time // of retrying
	attempts   []attempt
	sends      int
	lost       int // attempts that ended without an outcome on record
}

// attempt is one on record, with the status that its receiver answered.
type attempt struct {
	outcome webhook.AttemptOutcome
	status  int
}

type endpoint struct {
	webhook.Endpoint
	disabled bool
	changes  int // of its status
}

// set changes the status.
func (e *endpoint) set(disabled bool) {
	e.disabled = disabled
	e.changes++
}

func (e *expected) waiting() bool {
	return e.status == webhook.StatusPending || e.status == webhook.StatusRetrying
}

// copied is what is known at this moment.
func (e *expected) copied() *expected {
	now, endpoint := *e, *e.endpoint
	now.endpoint, now.attempts = &endpoint, slices.Clone(e.attempts)
	return &now
}

// sendable says whether a worker that knows this may send it now; due, whether nothing but its endpoint can be in the way.
func (e *expected) sendable(now time.Time) (sendable, due bool) {
	due = e.due(now)
	return due && !e.endpoint.disabled, due
}

// due reports whether the delivery waits and its time has come.
func (e *expected) due(now time.Time) bool {
	return e.status == webhook.StatusPending || e.status == webhook.StatusRetrying && !now.Before(e.dueAt)
}

// answered is an attempt whose outcome reached the database, decided on what was known when it was loaded: whether it moved the
// delivery. A 410 disables the endpoint unless its status has changed since the load.
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

// differs says how a row, and what is on record of its attempts, is not what is expected.
func (e *expected) differs(row webhook.Delivery, outcomes []attempt) string {
	orphans := row.OrphanCount
	if !e.waiting() {
		orphans = e.orphans // it counts for nothing any more
	}
	got := fmt.Sprintf("%s %q retries %d revision %d orphans %d attempts %v", row.Status, row.FailureReason, row.RetryCount, row.Revision, orphans, outcomes)
	want := fmt.Sprintf("%s %q retries %d revision %d orphans %d attempts %v", e.status, e.reason, e.retryCount, e.revision, e.orphans, e.attempts)
	if got == want {
		return ""
	}
	return fmt.Sprintf("it is %s, and should be %s", got, want)
}

// failed is an end without an attempt.
func (e *expected) failed(reason webhook.FailureReason) {
	e.status, e.reason = webhook.StatusFailure, reason
	e.revision++
}

// orphaned is an attempt that was found without its worker.
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
