package queue

import (
	"context"
	"math"
	"time"

	"github.com/hibiken/asynq"

	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// TaskType is the type of the one task there is.
const TaskType = "webhook:deliver"

// taskTimeout is no limit: the dispatcher bounds every step of a delivery itself. When a task's timeout passes, asynq hands it
// to a second worker while the first is still at it, so it has to be longer than anything that can happen.
const taskTimeout = 24 * time.Hour

// newTask makes the task of a delivery. The database decides how often it is tried, so asynq must never give up by itself.
// MaxRetry is kept as an int32: a larger number would wrap and archive the task at its first retry.
// The trace that it is part of, if there is one, is a header: the payload is the ID and nothing else.
func newTask(ctx context.Context, deliveryID, queue string) *asynq.Task {
	return asynq.NewTaskWithHeaders(TaskType, []byte(deliveryID), tracing.Headers(ctx),
		asynq.TaskID(deliveryID), asynq.Queue(queue), asynq.MaxRetry(math.MaxInt32), asynq.Timeout(taskTimeout))
}

// DeliveryID returns the ID of the delivery that a task is about, or an error for a task that is not ours.
func DeliveryID(task *asynq.Task) (string, error) {
	id := string(task.Payload())
	if err := webhook.CheckID(webhook.KindDelivery, id); err != nil {
		return "", err
	}
	return id, nil
}
