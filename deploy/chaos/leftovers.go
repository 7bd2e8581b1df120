package chaos

import (
	"context"
	"errors"
	"time"

	"redrive/pkg/queue/queuetest"
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

const (
	// leftoverPatience is for tasks that have nothing left to do to be run.
	leftoverPatience = 6 * time.Second
	// leaseOver is how long ago a lease may have ended, for clocks that differ and a scheduler that is late.
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

// count adds a task in the state. placed says whether the task is in the list or set that belongs to the state.
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

// place returns the state of a task, and whether the task is in the list or set that belongs to the state. An active task must have
// a lease that has not expired for longer than leaseOver.
func (r *run) place(ctx context.Context, id string) (state string, placed bool, err error) {
	location, err := queuetest.Locate(ctx, r.cache, webhook.QueueDeliveries, id)
	placed = location.Listed
	if location.State == "active" {
		placed = placed && location.Lease.After(time.Now().Add(-leaseOver))
	}
	return location.State, placed, err
}
