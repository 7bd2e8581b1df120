package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// LeaseDuration is how long a lease lasts from the dequeue or from its last extension (asynq 0.26, internal/rdb). A live worker extends
// its leases every 5 s (server.go). A worker never extends a lease that has expired (heartbeat.go): it has stopped handling the
// task by then.
const LeaseDuration = 30 * time.Second

// Lease is a worker's claim on an active task.
type Lease struct {
	DeliveryID string
	Queue      string
	// Until is when the lease ends, by the clock of the worker's machine. Clocks of machines may differ by minutes, so compare Until
	// only with an earlier Until of the same lease: if it has changed, the worker is alive.
	Until time.Time
}

// Extended returns when the worker last extended the lease, or dequeued the task, by its own clock and in whole seconds.
func (l Lease) Extended() time.Time { return l.Until.Add(-LeaseDuration) }

// Leases returns all leases of a queue, one for each active task, and the time by Redis's clock in whole seconds.
func (e *Enqueuer) Leases(ctx context.Context, queue string) (leases []Lease, now time.Time, err error) {
	answer, err := leasesScript.Run(ctx, e.redis, []string{keys.Of(queue).Lease}).StringSlice()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("list leases: %w", err)
	}
	times, ids := make([]time.Time, 0, len(answer)/2+1), make([]string, 0, len(answer)/2)
	for i, text := range answer {
		if i%2 == 1 {
			ids = append(ids, text)
			continue
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("list leases: %w", err)
		}
		times = append(times, time.Unix(int64(seconds), 0))
	}
	leases = make([]Lease, len(ids))
	for i, id := range ids {
		leases[i] = Lease{DeliveryID: id, Queue: queue, Until: times[i+1]}
	}
	return leases, times[0], nil
}

// leasesScript returns Redis's time in seconds, followed by the ID and the lease end of each task. It is a script because in a cluster
// a separate TIME command could run on another node.
var leasesScript = redis.NewScript(`
local answer = redis.call("ZRANGE", KEYS[1], 0, -1, "WITHSCORES")
table.insert(answer, 1, redis.call("TIME")[1])
return answer`)

// Reclaim removes the tasks of expired leases and returns one state per lease, in their order. Each task is removed atomically and only
// if its lease is unchanged: the state is Orphan then, and Running if the worker has extended the lease. If several callers reclaim
// the same lease, one of them gets Orphan. After an error, some tasks may have been removed.
func (e *Enqueuer) Reclaim(ctx context.Context, leases []Lease) ([]TaskState, error) {
	lookups := make([]lookup, len(leases))
	for i, lease := range leases {
		lookups[i] = lookup{Item: Item{DeliveryID: lease.DeliveryID, Queue: lease.Queue}, lease: strconv.FormatInt(lease.Until.Unix(), 10)}
	}
	return e.lookUp(ctx, lookups)
}

// EnqueueFirst is Enqueue, but a task that is pending afterwards becomes the next one to be dequeued. It is for deliveries that had been
// dequeued before their worker died.
func (e *Enqueuer) EnqueueFirst(ctx context.Context, item Item) (Placement, error) {
	placement, err := e.Enqueue(ctx, item)
	if err != nil || placement == Active {
		return placement, err
	}
	if _, err := e.makePending(ctx, item.Queue, runNext, ",pending,", item.DeliveryID); err != nil {
		return "", fmt.Errorf("move the task of delivery %s to the front: %w", item.DeliveryID, err)
	}
	return placement, nil
}
