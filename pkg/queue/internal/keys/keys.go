// Package keys names the Redis keys of asynq 0.26 (its internal/base and internal/rdb). No other package knows them:
// TestLayoutIsKnownHereOnly checks that.
//
// A task is a hash. Its field "state" says in which list or sorted set of its queue the task's ID is:
//
//	pending                                  list; tasks are enqueued on the left and dequeued on the right
//	active                                   list of the tasks that workers hold; lease has the end of each lease
//	scheduled, retry, archived, completed    sorted sets, by Unix time
package keys

import "strings"

// Queues is the set of the names of all queues. asynq's Inspector lists the queues in it and no others.
const Queues = "asynq:queues"

// Keys are the keys of one queue. In a Redis cluster they share one slot.
type Keys struct {
	Pending, Active string // lists
	Lease           string // sorted set: the Unix time, in whole seconds, at which the lease of each active task ends
	Scheduled       string // sorted set: due once at a time
	Retry           string // sorted set: due again after an error
	Archived        string // sorted set: dead letters
	Completed       string // sorted set: kept after success
	Paused          string // exists while the queue is paused
	task            string
}

// Of returns the keys of a queue.
func Of(queue string) Keys {
	prefix := "asynq:{" + queue + "}:"
	return Keys{
		Pending: prefix + "pending", Active: prefix + "active", Lease: prefix + "lease",
		Scheduled: prefix + "scheduled", Retry: prefix + "retry", Archived: prefix + "archived", Completed: prefix + "completed",
		Paused: prefix + "paused", task: prefix + "t:",
	}
}

// Task returns the key of a task's hash. Task("") is the prefix of all of them.
func (k Keys) Task(id string) string { return k.task + id }

// IsPending reports whether key is the pending list of some queue.
func IsPending(key string) bool {
	return strings.HasPrefix(key, "asynq:{") && strings.HasSuffix(key, "}:pending")
}

// IsSleeping reports whether key is the set of scheduled or of retry tasks of some queue.
func IsSleeping(key string) bool {
	return strings.HasPrefix(key, "asynq:{") && (strings.HasSuffix(key, "}:scheduled") || strings.HasSuffix(key, "}:retry"))
}

// IsActive reports whether key is the list of active tasks of some queue.
func IsActive(key string) bool {
	return strings.HasPrefix(key, "asynq:{") && strings.HasSuffix(key, "}:active")
}

// IsTask reports whether key is the hash of a task.
func IsTask(key string) bool {
	return strings.HasPrefix(key, "asynq:{") && strings.Contains(key, "}:t:")
}
