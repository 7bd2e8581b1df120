// Package worker connects the queue to deliver. It dequeues tasks with asynq, calls deliver.Deliverer for each, and translates the
// verdict into the error that asynq expects. It decides nothing itself.
//
//	asynq ─▶ handle ─▶ Deliverer.Deliver ─▶ verdict ─▶ answer ─▶ asynq: remove, run again at a time, or archive
package worker
