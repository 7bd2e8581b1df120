package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
)

// maxSnooze is how much later than its delivery a task may be scheduled without being woken. The dispatcher delays deliveries to busy
// endpoints (snoozes them) so that one endpoint cannot use all workers. Waking those tasks would undo the delay.
const maxSnooze = 90 * time.Second

// committedSnooze takes the place of maxSnooze for a delivery that was just committed, which no dispatcher can have delayed. Scheduled times
// have whole seconds.
const committedSnooze = time.Second

// resolve handles a conflict: the delivery has a task already. It wakes the task if necessary and returns its placement. The empty
// placement means that the task changed meanwhile, so that the caller must enqueue again.
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
		if item.Ended = true; item.fair() {
			return e.placeOne(ctx, item)
		}
		return e.wakeEnded(ctx, item), nil
	default: // scheduled or retry
		if item.tooLate(info.NextProcessAt) {
			return e.wakeEnded(ctx, item), nil
		}
		return AlreadyQueued, nil
	}
}

// tooLate reports whether a task that is scheduled for the time until would run too late for the delivery.
func (i Item) tooLate(until time.Time) bool {
	due := i.DueAt
	if now := time.Now(); due.Before(now) {
		due = now
	}
	if i.Committed {
		return until.After(due.Add(committedSnooze))
	}
	return until.After(due.Add(maxSnooze))
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
