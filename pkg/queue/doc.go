// Package queue is what passes through Redis: one asynq task for each delivery that waits, holding the delivery's ID and
// nothing else. Its task ID is the delivery's ID, so that an operator finds a delivery in the queue inspector by the ID that
// a customer names, and so that a delivery cannot be queued twice.
//
// Redis is a hint. The database decides what is due, and all of Redis may be lost at any moment: whoever finds a row that is
// due enqueues it again, as often as it likes.
//
//	enqueue ── free ──────────────────────────────────────▶ queued
//	   │
//	   └─ conflict ── pending ────────────────────────────▶ queued already
//	               ├─ archived, completed ── run ─────────▶ queued
//	               ├─ scheduled, retry ── far too late? ──▶ run, else queued already
//	               ├─ active ── the run before is ending ─▶ try again shortly
//	               └─ gone meanwhile ─────────────────────▶ enqueue again
package queue
