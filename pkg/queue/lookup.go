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

// TaskState is what Look saw of a delivery's task.
type TaskState string

// What can be seen of a task.
const (
	Missing TaskState = "missing" // there is none
	Waiting TaskState = "waiting" // it is pending, or sleeps no longer than it should
	Late    TaskState = "late"    // it sleeps for longer than it should
	Running TaskState = "running" // a worker has it
	Ended   TaskState = "ended"   // it is archived, or completed
	// Orphan was held by a worker that is gone, or by none, so an attempt may have ended without an outcome. It is not there any more.
	Orphan TaskState = "orphan"
	// Phantom was a task that nobody would ever have run: part of what makes a task was lost. It is not there any more.
	Phantom TaskState = "phantom"
)

// Keeper says whether the queue already keeps what is due: enqueueing would do nothing.
func (s TaskState) IsQueued() bool { return s == Waiting || s == Running }

// lookupBatch bounds the scripts in one round trip: Redis serves nobody else while it runs one of them, and keeps all answers in
// memory until the last is there.
const lookupBatch = 500

// lookupSource reads a task as asynq 0.26 keeps it (internal/base, internal/rdb). TestLookKnowsEveryState fails when that changes.
//
//go:embed lookup.lua
var lookupSource string

var lookupScript = redis.NewScript(lookupSource)

// lookup is one task to look at.
type lookup struct {
	Item
	// lease is what an active task is taken away for, if it is still held under that one; empty for none.
	lease string
	// verify has the pending list searched for the task.
	verify bool
}

// Look looks at the tasks of many deliveries, each in one step that nothing can come between, and removes phantoms and what is
// active without a lease: they only look like tasks, and keep the delivery from being enqueued. A lease that has lapsed is another
// matter; see Reclaim. Whether a pending task is in the list that workers take from is looked at for those that verify names: that
// list has to be searched.
func (e *Enqueuer) LookUp(ctx context.Context, items []Item, verify func(Item) bool) ([]TaskState, error) {
	lookups := make([]lookup, len(items))
	for i, item := range items {
		lookups[i] = lookup{Item: item, verify: verify != nil && verify(item)}
	}
	return e.lookUp(ctx, lookups)
}

func (e *Enqueuer) lookUp(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	sights := make([]TaskState, 0, len(lookups))
	for some := range slices.Chunk(lookups, lookupBatch) {
		seen, err := e.lookUpBatch(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("look at tasks: %w", err)
		}
		sights = append(sights, seen...)
	}
	return sights, nil
}

func (e *Enqueuer) lookUpBatch(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	seen, err := e.runLookup(ctx, lookups)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that is new, or was emptied
		// A look at no task brings the script to the node that has the queue, in a cluster too.
		none := taskKeys(Item{Queue: lookups[0].Queue})
		if err = lookupScript.Eval(ctx, e.redis, none, "", "", 0).Err(); err == nil {
			seen, err = e.runLookup(ctx, lookups)
		}
	}
	return seen, err
}

func (e *Enqueuer) runLookup(ctx context.Context, lookups []lookup) ([]TaskState, error) {
	replies := make([]*redis.Cmd, len(lookups))
	_, err := e.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, g := range lookups {
			verified := 0
			if g.verify {
				verified = 1
			}
			replies[i] = lookupScript.EvalSha(ctx, pipe, taskKeys(g.Item), g.DeliveryID, g.lease, verified)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sights := make([]TaskState, len(lookups))
	for i, reply := range replies {
		answer, err := reply.Slice()
		if err != nil {
			return nil, err
		}
		state, isText := answer[0].(string)
		score, isNumber := answer[1].(int64)
		if len(answer) != 2 || !isText || !isNumber {
			return nil, fmt.Errorf("the script said %v", answer)
		}
		sights[i] = lookups[i].sight(state, time.Unix(score, 0))
	}
	return sights, nil
}

// sight reads the script's answer.
func (i Item) sight(state string, at time.Time) TaskState {
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

// taskKeys are the keys of asynq 0.26 that a task can be in, in the order of lookup.lua.
func taskKeys(i Item) []string {
	k := keys.Of(i.Queue)
	return []string{k.Task(i.DeliveryID), k.Pending, k.Active, k.Lease, k.Scheduled, k.Retry, k.Archived, k.Completed}
}
