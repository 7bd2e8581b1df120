package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
)

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
		return "", e.RegisterQueues(ctx, item.Queue)
	case err != nil:
		return "", err
	}

	switch info.State {
	case asynq.TaskStatePending:
		return AlreadyQueued, nil
	case asynq.TaskStateActive:
		return Active, nil
	case asynq.TaskStateArchived, asynq.TaskStateCompleted:
		return e.wakeEnded(ctx, item), nil
	default: // scheduled or retry
		if item.tooLate(info.NextProcessAt) {
			return e.wakeEnded(ctx, item), nil
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

// wakeEnded moves a task that has ended or sleeps to the pending list. The empty placement means that it was not moved: another
// client moved it first, or Redis is unavailable. The next lookup tells which.
func (e *Enqueuer) wakeEnded(ctx context.Context, item Item) Placement {
	answers, err := e.makePending(ctx, item.Queue, runLast, ",scheduled,retry,archived,completed,", item.DeliveryID)
	if err != nil || answers[0] != moved {
		return ""
	}
	return Woken
}
