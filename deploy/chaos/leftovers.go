package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/webhook"
)

// Leftovers is what is in Redis when everything has ended.
type Leftovers struct {
	// Open is the tasks that are still to run, Phantoms those of them that are not where they would have to be: a hash without a
	// place in any list, or one that is active and whose worker is gone. A dispatcher that is killed between its record and
	// its acknowledgement leaves one, until asynq's recoverer comes by.
	Open, Phantoms int
	// Blocking is those phantoms that break something. A retry of their delivery finds them and takes them for queued, and the
	// reconciler looks for a pending task in its list only once the delivery has been due for minutes. What is active and has no
	// worker is no such thing: the search for leases that stand still takes it away once the retry waits, and enqueues.
	Blocking int
	// DeadLetters is the archive, which is to be left.
	DeadLetters int
}

// queuePrefix begins asynq's keys of our queue (asynq 0.26, internal/base).
const queuePrefix = "asynq:{" + webhook.QueueDeliveries + "}:"

const (
	// leftoverPatience is for tasks that have nothing left to do to be run.
	leftoverPatience = 6 * time.Second
	scanCount        = 1000
	// leaseTime is a lease that has just been made or extended, and what clocks and scheduling add.
	leaseOver = 10 * time.Second
)

// leftovers counts when nothing is open any more, or patience has run out.
func (r *run) leftovers(ctx context.Context) (left Leftovers, err error) {
	waited := until(ctx, leftoverPatience, func() (bool, error) {
		left, err = r.countTasks(ctx)
		return err == nil && left.Open == 0, err
	})
	if errors.Is(waited, errPatience) {
		return left, err
	}
	return left, waited
}

func (r *run) countTasks(ctx context.Context) (left Leftovers, err error) {
	keys := r.cache.Scan(ctx, 0, queuePrefix+"t:*", scanCount).Iterator()
	for keys.Next(ctx) {
		id := strings.TrimPrefix(keys.Val(), queuePrefix+"t:")
		if r.waiting.parked[id] {
			continue
		}
		state, placed, err := r.place(ctx, id)
		if err == nil && !placed { // it may have moved while we looked
			state, placed, err = r.place(ctx, id)
		}
		switch {
		case err != nil:
			return left, err
		case state == "archived" && placed:
			left.DeadLetters++
		case state == "completed" || state == "":
		default:
			left.Open++
			if !placed {
				left.Phantoms++
			}
			if !placed && state == "pending" {
				left.Blocking++
			}
		}
	}
	if err := keys.Err(); err != nil {
		return left, fmt.Errorf("look through the tasks: %w", err)
	}
	return left, nil
}

// place says what state a task is in, and whether it is where such a task has to be.
func (r *run) place(ctx context.Context, id string) (state string, placed bool, err error) {
	state, err = r.cache.HGet(ctx, queuePrefix+"t:"+id, "state").Result()
	switch {
	case errors.Is(err, redis.Nil):
		return "", false, nil // it ended while we looked
	case err != nil:
		return "", false, fmt.Errorf("look at a task: %w", err)
	}
	switch state {
	case "pending":
		err = r.cache.LPos(ctx, queuePrefix+"pending", id, redis.LPosArgs{}).Err()
	case "active":
		var lease float64
		if lease, err = r.cache.ZScore(ctx, queuePrefix+"lease", id).Result(); err == nil {
			return state, lease > float64(time.Now().Add(-leaseOver).Unix()), nil
		}
	case "scheduled", "retry", "archived", "completed":
		err = r.cache.ZScore(ctx, queuePrefix+state, id).Err()
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return state, false, fmt.Errorf("look for a task: %w", err)
	}
	return state, err == nil, nil
}
