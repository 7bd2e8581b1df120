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

// Placement is where Enqueue found or put a delivery's task.
type Placement string

// The places that a delivery's task can be in after Enqueue.
const (
	Queued        Placement = "queued"         // enqueued anew
	AlreadyQueued Placement = "already_queued" // it was waiting
	Woken         Placement = "woken"          // it was archived, or asleep for too long, and is pending now
	Active        Placement = "active"         // a worker has it: whether that run or the next one serves is not known yet
)

// Enqueuer puts deliveries into the queue. It is safe for concurrent use and owns nothing: closing the client is the
// caller's.
type Enqueuer struct {
	redis     redis.UniversalClient
	client    *asynq.Client
	inspector *asynq.Inspector
}

// NewEnqueuer makes an Enqueuer over a shared client.
func NewEnqueuer(client redis.UniversalClient) *Enqueuer {
	return &Enqueuer{
		redis:     client,
		client:    asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client),
	}
}

// Item is a delivery to enqueue: its ID, the queue that its row names, and when it is due; the zero time is at once.
type Item struct {
	DeliveryID string
	Queue      string
	DueAt      time.Time
	// Ended says that the delivery had ended before, so that its task is most likely in the archive and is looked for there first.
	// It saves round trips and changes nothing else.
	Ended bool
}

// Enqueue makes sure that the delivery has a task that runs when it is due, and says where that task is. It never waits for
// a worker; see EnqueueSettled. An error means that Redis did not do it, and the reconciler will.
func (e *Enqueuer) Enqueue(ctx context.Context, item Item) (Placement, error) {
	// Each look can be overtaken by a worker or an operator. One that is overtaken this often can be left to the next pass.
	const looks = 5
	if item.Ended {
		if placement := e.wakeEnded(ctx, item); placement != "" {
			return placement, nil
		}
	}
	for range looks {
		_, err := e.client.EnqueueContext(ctx, newTask(ctx, item.DeliveryID, item.Queue), asynq.ProcessAt(item.DueAt))
		if err == nil {
			return Queued, nil
		}
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			return "", fmt.Errorf("enqueue delivery %s: %w", item.DeliveryID, err)
		}
		placement, err := e.resolve(ctx, item)
		if err != nil {
			return "", fmt.Errorf("enqueue delivery %s, which has a task already: %w", item.DeliveryID, err)
		}
		if placement != "" {
			return placement, nil
		}
	}
	return "", fmt.Errorf("enqueue delivery %s: its task did not stand still", item.DeliveryID)
}

// EnqueueSettled is Enqueue for a caller that can wait a moment for a worker to let go of the task: a retry that was made
// in the instant in which the attempt before it is being archived. It waits half a second in all.
func (e *Enqueuer) EnqueueSettled(ctx context.Context, item Item) (Placement, error) {
	const patience, first, longest = 500 * time.Millisecond, 2 * time.Millisecond, 250 * time.Millisecond
	for waited, pause := time.Duration(0), first; ; pause = min(2*pause, longest) {
		placement, err := e.Enqueue(ctx, item)
		if err != nil || placement != Active || waited >= patience {
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

// Announce makes the queues visible to the inspector and its web UI. asynq does so once for each client, and never again
// after Redis has been emptied.
func (e *Enqueuer) RegisterQueues(ctx context.Context, queues ...string) error {
	members := make([]any, len(queues))
	for i, queue := range queues {
		members[i] = queue
	}
	if err := e.redis.SAdd(ctx, keys.Queues, members...).Err(); err != nil {
		return fmt.Errorf("announce the queues: %w", err)
	}
	return nil
}
