// Package deliver handles one delivery at a time: it loads the row, checks whether it may be sent now, sends it, decides what
// follows and records the outcome. The queue gets its verdict only after the outcome is committed.
//
//	load ─▶ guard ─▶ acquire a slot ─▶ send ─▶ decide ─▶ record ─▶ verdict
//
// The row decides, never the task: a task that runs twice, too early, or after the delivery has ended changes nothing.
//
// # When the database is unavailable
//
// No attempt starts, because its outcome could not be recorded. Workers block on their tasks while one of them probes the
// database. An attempt that was already sent keeps its outcome in memory and records it as soon as the database responds.
//
// # When the process dies
//
// An attempt that was sent and not recorded is an orphan. The reconciler or asynq's recoverer finds its task and calls
// Orphaned. The delivery is attempted again, and ends in failure after webhook.MaxOrphans orphans in a row.
//
// # Deadlines
//
// Every statement is bounded by Options.DatabaseTimeout where it is issued. Loads and outcomes are batched, and the deadline
// belongs to the batch: a caller waits for the running batch and for its own, so for two deadlines at most.
package deliver
