package chaos

import (
	"context"
	"errors"
	"time"

	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/webhook"
)

// Leftovers describes the content of Redis after all deliveries have ended.
type Leftovers struct {
	// Open is the number of tasks that would still run. Phantoms are those that no worker can get: a hash that is in no list, or an active
	// task whose worker is dead. A dispatcher that is killed between record and acknowledgement leaves one until asynq's recoverer runs.
	Open, Phantoms int
	// Blocking is the number of phantoms that affect a delivery. A retry of their delivery takes them for queued tasks. The reconciler
	// checks the list of a pending task only after the delivery has been due for minutes. An active task without a worker does not count:
	// the search for expired leases removes it after a retry, and enqueues.
	Blocking int
	// DeadLetters is the size of the archive, which stays.
	DeadLetters int
}

const (
	// leftoverPatience is how long remaining tasks of ended deliveries may take to run.
	leftoverPatience = 6 * time.Second
	// leaseOver is how long ago a lease may have ended, to allow for clock differences and a late scheduler.
	leaseOver = 10 * time.Second
)

// leftovers counts when no task is open any more, or after leftoverPatience.
func (r *run) leftovers(ctx context.Context) (left Leftovers, err error) {
	waited := await.Until(ctx, leftoverPatience, func() (bool, error) {
		left, err = r.countTasks(ctx)
		return err == nil && left.Open == 0, err
	})
	if errors.Is(waited, await.ErrPatience) {
		return left, err
	}
	return left, waited
}

func (r *run) countTasks(ctx context.Context) (left Leftovers, err error) {
	err = queuetest.IDs(ctx, r.cache, webhook.QueueDeliveries, func(id string) error {
		if r.waiting.parked[id] {
			return nil
		}
		state, placed, err := r.place(ctx, id)
		if err == nil && !placed { // the task may have moved between the reads
			state, placed, err = r.place(ctx, id)
		}
		if err == nil {
			left.count(state, placed)
		}
		return err
	})
	return left, err
}

// count adds a task in the state. placed reports whether the task is in the list or set of the state.
func (l *Leftovers) count(state string, placed bool) {
	switch {
	case state == "archived" && placed:
		l.DeadLetters++
	case state == "completed" || state == "":
	default:
		l.Open++
		if !placed {
			l.Phantoms++
		}
		if !placed && state == "pending" {
			l.Blocking++
		}
	}
}

// place returns the state of a task, and whether the task is in the list or set of the state. An active task must have a lease that has not
// expired for longer than leaseOver.
func (r *run) place(ctx context.Context, id string) (state string, placed bool, err error) {
	location, err := queuetest.Locate(ctx, r.cache, webhook.QueueDeliveries, id)
	placed = location.Listed
	if location.State == "active" {
		placed = placed && location.Lease.After(time.Now().Add(-leaseOver))
	}
	return location.State, placed, err
}
