package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
)

// queuesKey is where asynq keeps the names of all queues (asynq 0.26, internal/base). The Inspector knows no other way to
// learn that a queue exists.
const queuesKey = "asynq:queues"

// longestSnooze is how late a waiting task may be and still be left alone. The dispatcher puts deliveries to busy endpoints
// off for up to 60 s, and waking those would undo what keeps one endpoint from crowding out the others.
const longestSnooze = 90 * time.Second

// resolve looks at the task that has the delivery's ID already. An empty placement means that it changed while we looked:
// enqueue again.
func (e *Enqueuer) resolve(ctx context.Context, item Item) (Placement, error) {
	info, err := e.inspector.GetTaskInfo(item.Queue, item.DeliveryID)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
		return "", nil
	case errors.Is(err, asynq.ErrQueueNotFound):
		return "", e.Announce(ctx, item.Queue)
	case err != nil:
		return "", err
	}

	switch info.State {
	case asynq.TaskStatePending:
		return AlreadyQueued, nil
	case asynq.TaskStateActive:
		return Active, nil
	case asynq.TaskStateArchived, asynq.TaskStateCompleted:
		return e.wake(item), nil
	default: // scheduled or retry
		if item.tooLate(info.NextProcessAt) {
			return e.wake(item), nil
		}
		return AlreadyQueued, nil
	}
}

// tooLate says whether a task that sleeps until then sleeps for longer than it should.
func (i Item) tooLate(until time.Time) bool {
	due := i.DueAt
	if now := time.Now(); due.Before(now) {
		due = now
	}
	return until.After(due.Add(longestSnooze))
}

// wake moves a task to pending. When it fails, the task has moved meanwhile, or Redis is away: the next look tells which.
func (e *Enqueuer) wake(item Item) Placement {
	if err := e.inspector.RunTask(item.Queue, item.DeliveryID); err != nil {
		return ""
	}
	return Woken
}
