package queue

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// WakeResult is the state of a task after Wake.
type WakeResult int

// The results of Wake.
const (
	WakeMissing WakeResult = iota // no sleeping task: it does not exist or has ended
	WakePending                   // the task is pending now
	WakeActive                    // a worker runs the task; it may be about to put it back to sleep
)

// Wake makes sleeping tasks (scheduled or in retry) pending, to run next and in the order of ids. The results are in the order of
// ids too. One script moves all of them, and Redis serves no other client meanwhile: pass a few hundred IDs at most. After an error,
// the tasks may or may not have been moved.
//
// asynq's Inspector.RunTask adds a task behind all pending ones, needs a round trip for each task, and fails unless the queue is
// registered.
func (e *Enqueuer) Wake(ctx context.Context, queue string, ids []string) ([]WakeResult, error) {
	answers, err := e.makePending(ctx, queue, runNext, ",scheduled,retry,", ids...)
	if err != nil {
		return nil, fmt.Errorf("wake tasks: %w", err)
	}
	results := make([]WakeResult, len(ids))
	for i, answer := range answers {
		switch answer {
		case moved, "pending":
			results[i] = WakePending
		case "active":
			results[i] = WakeActive
		}
	}
	return results, nil
}

// The ends of the pending list: asynq dequeues from the right.
const (
	runNext = "RPUSH"
	runLast = "LPUSH"
)

// moved is the script's answer for a task that it moved.
const moved = "moved"

// pendingSource makes a task pending as asynq 0.26 does (internal/rdb, runTaskCmd). TestEnqueueArchived, TestWakeEveryState and
// TestEnqueueFirstIsDequeuedNext fail if asynq stores tasks in another way.
//
//go:embed pending.lua
var pendingSource string

var pendingScript = redis.NewScript(pendingSource)

// makePending moves the tasks that are in one of the states from to one end of the pending list. It returns one answer per task:
// moved, the state of a task that was not moved, or "missing".
func (e *Enqueuer) makePending(ctx context.Context, queue, push, from string, ids ...string) ([]string, error) {
	k := keys.Of(queue)
	lists := []string{k.Pending, k.Scheduled, k.Retry, k.Archived, k.Completed}
	arguments := []any{time.Now().UnixNano(), push, from}
	for _, id := range ids {
		lists = append(lists, k.Task(id))
		arguments = append(arguments, id)
	}
	answers, err := pendingScript.Run(ctx, e.redis, lists, arguments...).StringSlice()
	if err != nil {
		return nil, err
	}
	if len(answers) != len(ids) {
		return nil, fmt.Errorf("the script returned %d answers for %d tasks", len(answers), len(ids))
	}
	return answers, nil
}
