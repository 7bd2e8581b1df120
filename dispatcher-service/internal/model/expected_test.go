package model_test

import (
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
	attempts   []webhook.AttemptOutcome
	sends      int
	lost       int // attempts that ended without an outcome on record
}

type endpoint struct {
	webhook.Endpoint
	disabled bool
}

func (e *expected) waiting() bool {
	return e.status == webhook.StatusPending || e.status == webhook.StatusRetrying
}

// sendable says whether a worker that has it now may send it.
func (e *expected) sendable(now time.Time) bool {
	return e.waiting() && !e.endpoint.disabled && (e.status == webhook.StatusPending || !now.Before(e.dueAt))
}

// answered is an attempt whose outcome reached the database, decided on a revision.
func (e *expected) answered(revision int64, status int, dueAt time.Time) {
	if revision != e.revision {
		e.attempts = append(e.attempts, webhook.AttemptSuperseded)
		return
	}
	e.revision++
	e.orphans = 0
	if e.status == webhook.StatusRetrying {
		e.retryCount++
	}
	if status == 200 {
		e.status = webhook.StatusSuccess
		e.attempts = append(e.attempts, webhook.AttemptSuccess)
		return
	}
	e.attempts = append(e.attempts, webhook.AttemptFailure)
	switch {
	case status == 410:
		e.status, e.endpoint.disabled = webhook.StatusFailure, true
	case e.retryCount >= e.maxRetries:
		e.status = webhook.StatusFailure
	default:
		e.status, e.dueAt = webhook.StatusRetrying, dueAt
	}
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
