package queue

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue/internal/keys"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/webhook"
)

// Placement is the result of Enqueue.
type Placement string

// The placements. In all of them but Backlogged, the delivery has a task.
const (
	Queued        Placement = "queued"         // a new task was enqueued
	AlreadyQueued Placement = "already_queued" // the task was pending, or scheduled for the right time
	Backlogged    Placement = "backlog"        // the delivery has no task: its organization has many, and it waits in its lane
	Woken         Placement = "woken"          // the task had ended, or was scheduled for much too late; it is pending now
	Active        Placement = "active"         // a worker holds the task and may be about to end it: enqueue again shortly
)

// Enqueuer enqueues deliveries and looks up, wakes and removes their tasks. It is safe for concurrent use. It does not own the client:
// the caller closes it.
type Enqueuer struct {
	redis      redis.UniversalClient
	client     *asynq.Client
	inspector  *asynq.Inspector
	lanes      *Lanes
	registered atomic.Bool // asynq's Inspector knows the queue, as far as this process knows
}

// NewEnqueuer returns an Enqueuer that uses the client.
func NewEnqueuer(client redis.UniversalClient) *Enqueuer {
	return &Enqueuer{
		redis:     client,
		lanes:     NewLanes(client),
		client:    asynq.NewClientFromRedisClient(client),
		inspector: asynq.NewInspectorFromRedisClient(client),
	}
}

// Lanes returns the lanes in backlog that the Enqueuer enqueues into.
func (e *Enqueuer) Lanes() *Lanes { return e.lanes }

// Item is a delivery to enqueue.
type Item struct {
	DeliveryID string
	Queue      string    // the queue that the delivery's row names
	DueAt      time.Time // when the task is to run; zero for now
	// Lane and Position are of the delivery's row. Without a lane the delivery is enqueued as a task however many others wait.
	Lane     webhook.Lane
	Position webhook.Position
	// Ended says that the delivery had ended before, so its task is probably archived. Enqueue then tries to wake that task first. This
	// saves round trips and does not change the result.
	Ended bool
	// Committed says that the caller has just committed the delivery. A task that sleeps beyond DueAt is of an earlier state then, such as
	// that before a cancel and a retry, and Enqueue wakes it.
	Committed bool
}

// Enqueue makes sure that the delivery has a task that runs when the delivery is due. It does not wait while a worker holds the task
// (Active); see EnqueueSettled. After an error, the delivery may have no task; the reconciler enqueues it later.
func (e *Enqueuer) Enqueue(ctx context.Context, item Item) (Placement, error) {
	// A worker or an operator may move the task between a conflict and its resolution. After this many times, the reconciler enqueues
	// the delivery later.
	const tries = 5
	if item.Ended && !item.fair() {
		if placement := e.wakeEnded(ctx, item); placement != "" {
			return placement, nil
		}
	}
	for range tries {
		placement, err := e.place(ctx, item)
		if err != nil {
			return "", fmt.Errorf("enqueue delivery %s: %w", item.DeliveryID, err)
		}
		if placement != "" {
			return placement, nil
		}
		placement, err = e.resolve(ctx, item)
		if err != nil {
			return "", fmt.Errorf("enqueue delivery %s: resolve the conflict with its task: %w", item.DeliveryID, err)
		}
		if placement != "" {
			return placement, nil
		}
	}
	return "", fmt.Errorf("enqueue delivery %s: its task changed state %d times meanwhile", item.DeliveryID, tries)
}

// ItemOf returns the item of a waiting delivery. A pending delivery with earlier attempts has been retried by hand. A test delivery has no
// lane: its caller waits for the result, and the lane of a paused endpoint is not read. There is at most one per second for each endpoint.
func ItemOf(d webhook.Delivery) Item {
	if d.Test {
		return Item{DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt}
	}
	return Item{
		DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt, Lane: d.Lane(), Position: d.Position(),
		Ended: d.Status == webhook.StatusPending && d.LastAttemptID != "",
	}
}

// ByLane returns the items of deliveries that have just been committed, those of each lane together and in their order.
func ByLane(deliveries []webhook.Delivery) [][]Item {
	var lanes [][]Item
	places := map[webhook.Lane]int{}
	for _, delivery := range deliveries {
		item := ItemOf(delivery)
		item.Committed = true
		place, known := places[item.Lane]
		if !known {
			place = len(lanes)
			places[item.Lane] = place
			lanes = append(lanes, nil)
		}
		lanes[place] = append(lanes[place], item)
	}
	return lanes
}

// fair reports whether the delivery counts in its organization's share: its lane is known and it is due.
func (i Item) fair() bool { return i.Lane.EndpointID != "" && !i.DueAt.After(time.Now()) }

// place enqueues a delivery that has no task. The placement is empty if it has one.
func (e *Enqueuer) place(ctx context.Context, item Item) (Placement, error) {
	if item.fair() {
		return e.placeOne(ctx, item)
	}
	_, err := e.client.EnqueueContext(ctx, newTask(ctx, item.DeliveryID, item.Queue), asynq.ProcessAt(item.DueAt))
	switch {
	case err == nil:
		return Queued, nil
	case errors.Is(err, asynq.ErrTaskIDConflict):
		return "", nil
	}
	return "", err
}

//go:embed enqueue.lua
var enqueueSource string

var enqueueScript = redis.NewScript(enqueueSource)

// placeFair enqueues deliveries as tasks unless their organizations' shares of the pending list are used up. All name the same queue. It
// replaces a task that has ended if item.Ended. The placement of a delivery that has another task is empty.
func (e *Enqueuer) placeFair(ctx context.Context, items ...Item) ([]Placement, error) {
	if !e.registered.Load() {
		if err := e.RegisterQueues(ctx, items[0].Queue); err != nil {
			return nil, err
		}
		e.registered.Store(true)
	}
	k := keys.Of(items[0].Queue)
	names := []string{lanesKey, k.Pending, addedKey, sharesKey, idleKey, totalKey, k.Archived, k.Completed}
	arguments := []any{wakeChannel}
	for _, item := range items {
		message, err := encodeTask(ctx, item.DeliveryID, item.Queue)
		if err != nil {
			return nil, err
		}
		share, limit := shareOf(item.Lane)
		names = append(names, k.Task(item.DeliveryID))
		arguments = append(arguments, message, item.DeliveryID, time.Now().UnixNano(), encodeLane(item.Lane), encodePosition(item.Position), share, limit,
			item.Ended)
	}
	placed, err := enqueueScript.Run(ctx, e.redis, names, arguments...).Int64Slice()
	if err != nil {
		return nil, err
	}
	if len(placed) != len(items) {
		return nil, errShortReply
	}
	made := make([]Placement, len(placed))
	for i, number := range placed {
		made[i] = placements[number]
	}
	return made, nil
}

// placeOne is placeFair for one delivery.
func (e *Enqueuer) placeOne(ctx context.Context, item Item) (Placement, error) {
	made, err := e.placeFair(ctx, item)
	if err != nil {
		return "", err
	}
	return made[0], nil
}

// placements are what enqueue.lua returns for a delivery. It returns 0 if the delivery has another task.
var placements = map[int64]Placement{1: Queued, 2: Backlogged, 3: Woken}

// EnqueueSettled is Enqueue, repeated with back-off for about half a second while the placement is Active. It is for a manual retry that
// comes just after the last attempt was recorded, while asynq is still archiving its task. If ctx ends, it returns Active and ctx's
// error.
func (e *Enqueuer) EnqueueSettled(ctx context.Context, item Item) (Placement, error) {
	const limit, first, longest = 500 * time.Millisecond, 2 * time.Millisecond, 250 * time.Millisecond
	pauses := lifecycle.Backoff{First: first, Longest: longest}
	for waited := time.Duration(0); ; {
		placement, err := e.Enqueue(ctx, item)
		if err != nil || placement != Active || waited >= limit {
			return placement, err
		}
		pause := pauses.Next()
		if err := lifecycle.Sleep(ctx, pause); err != nil {
			return placement, err
		}
		waited += pause
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
