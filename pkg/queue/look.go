package queue

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Sight is what Look saw of a delivery's task.
type Sight string

// What can be seen of a task.
const (
	Missing Sight = "missing" // there is none
	Waiting Sight = "waiting" // it is pending, or sleeps no longer than it should
	Late    Sight = "late"    // it sleeps for longer than it should
	Running Sight = "running" // a worker has it
	Ended   Sight = "ended"   // it is archived, or completed
	// Orphan was held by a worker that is gone, or by none, so an attempt may have ended without an outcome. It is not there any more.
	Orphan Sight = "orphan"
	// Phantom was a task that nobody would ever have run: part of what makes a task was lost. It is not there any more.
	Phantom Sight = "phantom"
)

// Keeper says whether the queue already keeps what is due: enqueueing would do nothing.
func (s Sight) Keeper() bool { return s == Waiting || s == Running }

// lookBatch bounds the scripts in one round trip: Redis serves nobody else while it runs one of them, and keeps all answers in
// memory until the last is there.
const lookBatch = 500

// lookSource reads a task as asynq 0.26 keeps it (internal/base, internal/rdb). TestLookKnowsEveryState fails when that changes.
//
//go:embed look.lua
var lookSource string

var lookScript = redis.NewScript(lookSource)

// glance is one task to look at.
type glance struct {
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
func (e *Enqueuer) Look(ctx context.Context, items []Item, verify func(Item) bool) ([]Sight, error) {
	glances := make([]glance, len(items))
	for i, item := range items {
		glances[i] = glance{Item: item, verify: verify != nil && verify(item)}
	}
	return e.look(ctx, glances)
}

func (e *Enqueuer) look(ctx context.Context, glances []glance) ([]Sight, error) {
	sights := make([]Sight, 0, len(glances))
	for some := range slices.Chunk(glances, lookBatch) {
		seen, err := e.lookBatch(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("look at tasks: %w", err)
		}
		sights = append(sights, seen...)
	}
	return sights, nil
}

func (e *Enqueuer) lookBatch(ctx context.Context, glances []glance) ([]Sight, error) {
	seen, err := e.runLook(ctx, glances)
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that is new, or was emptied
		// A look at no task brings the script to the node that has the queue, in a cluster too.
		none := taskKeys(Item{Queue: glances[0].Queue})
		if err = lookScript.Eval(ctx, e.redis, none, "", "", 0).Err(); err == nil {
			seen, err = e.runLook(ctx, glances)
		}
	}
	return seen, err
}

func (e *Enqueuer) runLook(ctx context.Context, glances []glance) ([]Sight, error) {
	replies := make([]*redis.Cmd, len(glances))
	_, err := e.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, g := range glances {
			verified := 0
			if g.verify {
				verified = 1
			}
			replies[i] = lookScript.EvalSha(ctx, pipe, taskKeys(g.Item), g.DeliveryID, g.lease, verified)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sights := make([]Sight, len(glances))
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
		sights[i] = glances[i].sight(state, time.Unix(score, 0))
	}
	return sights, nil
}

// sight reads the script's answer.
func (i Item) sight(state string, at time.Time) Sight {
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
		return Sight(state)
	}
}

func leaseKey(queue string) string { return keyPrefix(queue) + "lease" }

// taskKeys are the keys of asynq 0.26 that a task can be in, in the order of look.lua.
func taskKeys(i Item) []string {
	prefix := keyPrefix(i.Queue)
	return []string{
		prefix + "t:" + i.DeliveryID, prefix + "pending", prefix + "active", leaseKey(i.Queue),
		prefix + "scheduled", prefix + "retry", prefix + "archived", prefix + "completed",
	}
}
