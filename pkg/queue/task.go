package queue

import (
	"context"
	"math"
	"time"

	"github.com/hibiken/asynq"

	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// TaskType is the asynq type of every task.
const TaskType = "webhook:deliver"

// taskTimeout must exceed the longest possible attempt: after it, asynq gives the task to a second worker while the first still runs
// it. The dispatcher has its own timeout for every step of a delivery.
const taskTimeout = 24 * time.Hour

// newTask returns the task of a delivery. The trace context of ctx, if any, becomes a header of the task.
//
// The database decides how often a delivery is attempted, so asynq must never stop retrying. asynq stores MaxRetry as an int32: a
// larger number would wrap around, and asynq would archive the task at its first retry.
func newTask(ctx context.Context, deliveryID, queue string) *asynq.Task {
	return asynq.NewTaskWithHeaders(TaskType, []byte(deliveryID), tracing.Headers(ctx),
		asynq.TaskID(deliveryID), asynq.Queue(queue), asynq.MaxRetry(math.MaxInt32), asynq.Timeout(taskTimeout))
}

// DeliveryID returns the ID of the delivery in the task's payload. It returns an error if the payload is not a delivery ID, which means
// that another program enqueued the task.
func DeliveryID(task *asynq.Task) (string, error) {
	id := string(task.Payload())
	if err := webhook.CheckID(webhook.KindDelivery, id); err != nil {
		return "", err
	}
	return id, nil
}
