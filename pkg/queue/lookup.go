package queue

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// TaskState is the state of a delivery's task, as LookUp and Reclaim return it.
type TaskState string

// The states of a task. For Orphan and Phantom, the lookup has removed the task.
const (
	Missing TaskState = "missing" // there is no task
	Waiting TaskState = "waiting" // pending, or scheduled for the time at which the delivery is due
	Late    TaskState = "late"    // scheduled for much later than the delivery is due
	Running TaskState = "running" // active: a worker holds a lease on it
	Ended   TaskState = "ended"   // archived or completed
	// Orphan was active without a live worker. An attempt may have been made without a recorded outcome.
	Orphan TaskState = "orphan"
	// Phantom was incomplete in Redis, for example a hash that was in no list. No worker would ever have dequeued it.
	Phantom TaskState = "phantom"
)

// IsQueued reports whether a worker will run or is running the task, so that the delivery need not be enqueued.
func (s TaskState) IsQueued() bool { return s == Waiting || s == Running }

// lookupBatch bounds the scripts in one pipeline: Redis buffers all replies of a pipeline until the last script has run.
const lookupBatch = 500

// lookupSource reads a task as asynq 0.26 stores it (internal/base, internal/rdb). TestLookUpEveryState fails if another version of
// asynq stores tasks in another way.
//
//go:embed lookup.lua
var lookupSource string

var lookupScript = redis.NewScript(lookupSource)

// lookup is the request to look up one task.
type lookup struct {
	Item
	// lease is the end of a lease in Unix seconds. An active task with exactly this lease is removed. Empty removes no leased task.
	lease string
	// verify also checks that a pending task is in the pending list.
	verify bool
}

// LookUp returns the state of each item's task, in the order of items. It reads each task atomically.
//
// LookUp removes phantoms and active tasks without a lease (Orphan), since they would keep the delivery from being enqueued. It does
// not remove a task whose lease has expired; see Reclaim. For items that verify selects, LookUp also checks that a pending task is in
// the list that workers dequeue from. That check is linear in the length of the list. A nil verify selects none.
func (e *Enqueuer) LookUp(ctx context.Context, items []Item, verify func(Item) bool) ([]TaskState, error) {
	lookups := make([]lookup, len(items))
	for i, item := range items {
		lookups[i] = lookup{Item: item, verify: verify != nil && verify(item)}
	}
	return e.lookUp(ctx, lookups)
}

func (e *Enqueuer) lookUp(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	states := make([]TaskState, 0, len(lookups))
	for some := range slices.Chunk(lookups, lookupBatch) {
		batch, err := e.lookUpBatch(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("look up tasks: %w", err)
		}
		states = append(states, batch...)
	}
	return states, nil
}

func (e *Enqueuer) lookUpBatch(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	states, err := e.runLookup(ctx, lookups)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") { // Redis has restarted or was emptied
		// EVAL loads the script. The keys of no task select the node that holds the queue, if Redis is a cluster.
		none := taskKeys(Item{Queue: lookups[0].Queue})
		if err = lookupScript.Eval(ctx, e.redis, none, "", "", 0).Err(); err == nil {
			states, err = e.runLookup(ctx, lookups)
		}
	}
	return states, err
}

func (e *Enqueuer) runLookup(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	replies := make([]*redis.Cmd, len(lookups))
	_, err := e.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, l := range lookups {
			verify := 0
			if l.verify {
				verify = 1
			}
			replies[i] = lookupScript.EvalSha(ctx, pipe, taskKeys(l.Item), l.DeliveryID, l.lease, verify)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	states := make([]TaskState, len(lookups))
	for i, reply := range replies {
		answer, err := reply.Slice()
		if err != nil {
			return nil, err
		}
		state, isText := answer[0].(string)
		score, isNumber := answer[1].(int64)
		if len(answer) != 2 || !isText || !isNumber {
			return nil, fmt.Errorf("the script returned %v", answer)
		}
		states[i] = lookups[i].stateOf(state, time.Unix(score, 0))
	}
	return states, nil
}

// stateOf translates the state that the script returned. at is when a sleeping task becomes due.
func (i Item) stateOf(state string, at time.Time) TaskState {
	switch state {
	case "pending":
		return Waiting
	case "active":
		return Running
	case "scheduled", "retry":
		if i.tooLate(at) {
			return Late
		}
		return Waiting
	case "archived", "completed":
		return Ended
	default:
		return TaskState(state)
	}
}

// taskKeys are the KEYS of lookup.lua.
func taskKeys(i Item) []string {
	k := keys.Of(i.Queue)
	return []string{k.Task(i.DeliveryID), k.Pending, k.Active, k.Lease, k.Scheduled, k.Retry, k.Archived, k.Completed}
}
