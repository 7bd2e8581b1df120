package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Placement is the result of Enqueue.
type Placement string

// The placements. In all of them, the delivery has a task.
const (
	Queued        Placement = "queued"         // a new task was enqueued
	AlreadyQueued Placement = "already_queued" // the task was pending, or scheduled for the right time
	Woken         Placement = "woken"          // the task had ended, or was scheduled for much too late; it is pending now
	Active        Placement = "active"         // a worker holds the task and may be about to end it: enqueue again shortly
)

// Enqueuer enqueues deliveries and looks up, wakes and removes their tasks. It is safe for concurrent use. It does not own the client:
// the caller closes it.
type Enqueuer struct {
	redis     redis.UniversalClient
	client    *asynq.Client
	inspector *asynq.Inspector
}

// NewEnqueuer returns an Enqueuer that uses the client.
func NewEnqueuer(client redis.UniversalClient) *Enqueuer {
	return &Enqueuer{
		redis:     client,
		client:    asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client),
	}
}

// Item is a delivery to enqueue.
type Item struct {
	DeliveryID string
	Queue      string    // the queue that the delivery's row names
	DueAt      time.Time // when the task is to run; zero for now
	// Ended says that the delivery had ended before, so its task is probably archived. Enqueue then tries to wake that task first. This
	// saves round trips and does not change the result.
	Ended bool
}

// Enqueue makes sure that the delivery has a task that runs when the delivery is due. It does not wait while a worker holds the task
// (Active); see EnqueueSettled. After an error, the delivery may have no task; the reconciler enqueues it later.
func (e *Enqueuer) Enqueue(ctx context.Context, item Item) (Placement, error) {
	// A worker or an operator may move the task between a conflict and its resolution. After this many times, the reconciler enqueues
	// the delivery later.
	const tries = 5
	if item.Ended {
		if placement := e.wakeEnded(ctx, item); placement != "" {
			return placement, nil
		}
	}
	for range tries {
		_, err := e.client.EnqueueContext(ctx, newTask(ctx, item.DeliveryID, item.Queue), asynq.ProcessAt(item.DueAt))
		if err == nil {
			return Queued, nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return "", fmt.Errorf("enqueue delivery %s: %w", item.DeliveryID, err)
		}
		placement, err := e.resolve(ctx, item)
		if err != nil {
			return "", fmt.Errorf("enqueue delivery %s: resolve the conflict with its task: %w", item.DeliveryID, err)
		}
		if placement != "" {
			return placement, nil
		}
	}
	return "", fmt.Errorf("enqueue delivery %s: its task changed state %d times meanwhile", item.DeliveryID, tries)
}

// EnqueueSettled is Enqueue, repeated with back-off for about half a second while the placement is Active. It is for a manual retry that
// comes just after the last attempt was recorded, while asynq is still archiving its task. If ctx ends, it returns Active and ctx's
// error.
func (e *Enqueuer) EnqueueSettled(ctx context.Context, item Item) (Placement, error) {
	const limit, first, longest = 500 * time.Millisecond, 2 * time.Millisecond, 250 * time.Millisecond
	for waited, pause := time.Duration(0), first; ; pause = min(2*pause, longest) {
		placement, err := e.Enqueue(ctx, item)
		if err != nil || placement != Active || waited >= limit {
			return placement, err
		}
		select {
		case <-ctx.Done():
			return placement, ctx.Err()
		case <-time.After(pause):
			waited += pause
		}
	}
}

// RegisterQueues adds the names to the set of queues that asynq's Inspector and its web UI list. asynq does this once per client, and not
// again after Redis has been emptied.
func (e *Enqueuer) RegisterQueues(ctx context.Context, queues ...string) error {
	members := make([]any, len(queues))
	for i, queue := range queues {
		members[i] = queue
	}
	if err := e.redis.SAdd(ctx, keys.Queues, members...).Err(); err != nil {
		return fmt.Errorf("register the queues: %w", err)
	}
	return nil
}
