package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// LeaseDuration is how long a worker holds a task from when it took it, or extended its lease last (asynq 0.26, internal/rdb).
// asynq extends the leases of a worker that lives every 5 s (server.go), and those of one that has not come to that for
// LeaseDuration never again (heartbeat.go): by then the worker has let go of the task.
const LeaseDuration = 30 * time.Second

// Lease is a worker's hold on a task.
type Lease struct {
	DeliveryID string
	Queue      string
	// Until is when the lease ends by the clock of the worker's machine, which may be minutes off any other. That it moves tells
	// that the worker lives, whatever the clocks say.
	Until time.Time
}

// Extended is when the worker was heard of last, by its own clock and cut to the second.
func (l Lease) Extended() time.Time { return l.Until.Add(-LeaseDuration) }

// Leases are all leases of a queue, no more than there are tasks in flight, and the time by Redis's clock.
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

// leasesScript returns the time in seconds, and then each task's ID and when its lease ends. In a cluster a TIME beside the leases
// could be another node's.
var leasesScript = redis.NewScript(`
local answer = redis.call("ZRANGE", KEYS[1], 0, -1, "WITHSCORES")
table.insert(answer, 1, redis.call("TIME")[1])
return answer`)

// Reclaim removes tasks whose workers are gone, each in one step and only if its lease has not moved meanwhile: Orphan then, and
// Running for a worker that has come back. Of two callers that find the same orphan one is told so.
func (e *Enqueuer) Reclaim(ctx context.Context, leases []Lease) ([]TaskState, error) {
	lookups := make([]lookup, len(leases))
	for i, lease := range leases {
		lookups[i] = lookup{Item: Item{DeliveryID: lease.DeliveryID, Queue: lease.Queue}, lease: strconv.FormatInt(lease.Until.Unix(), 10)}
	}
	return e.lookUp(ctx, lookups)
}

// EnqueueFirst is Enqueue for what has waited for its turn once already: if it is due, workers take it next, however long the list.
func (e *Enqueuer) EnqueueFirst(ctx context.Context, item Item) (Placement, error) {
	placement, err := e.Enqueue(ctx, item)
	if err != nil || placement == Active {
		return placement, err
	}
	if _, err := e.makePending(ctx, item.Queue, runNext, ",pending,", item.DeliveryID); err != nil {
		return "", fmt.Errorf("put delivery %s first: %w", item.DeliveryID, err)
	}
	return placement, nil
}
