// Package queue stores one asynq task in Redis for each delivery that waits for an attempt. It is the only package that knows how
// asynq uses Redis.
//
// A task's payload is the delivery's ID and nothing else. The task's ID is the delivery's ID too, so an operator can find a delivery
// in the queue inspector, and a delivery cannot be queued twice.
//
// Redis is a hint: the database decides what is due, and Redis may lose everything at any time. Any process may enqueue a due
// delivery again, as often as it likes. If the delivery has a task already, asynq refuses with a conflict, and Enqueue looks at the
// state of that task:
//
//	Enqueue ── no task ─────────────────────────────────▶ Queued
//	   │
//	   └─ conflict ── pending ──────────────────────────▶ AlreadyQueued
//	               ├─ scheduled, retry ── on time ──────▶ AlreadyQueued
//	               │                   └─ far too late ─▶ Woken: made pending
//	               ├─ archived, completed ──────────────▶ Woken: made pending
//	               ├─ active ── a worker holds it ──────▶ Active: the caller tries again shortly
//	               └─ gone meanwhile ───────────────────▶ enqueue again
package queue
