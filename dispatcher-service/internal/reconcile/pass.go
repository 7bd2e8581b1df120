package reconcile

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	batch       = 500 // deliveries in one query
	concurrency = 32  // deliveries enqueued at the same time
	listTimeout = 10 * time.Second
	// stuckAfter is how long a delivery must have been due for a pass to check that its pending task is in the pending list. That check
	// is linear in the length of the list, so a pass makes at most maxVerified of them.
	stuckAfter  = 3 * time.Minute
	maxVerified = 50
)

// Pass rebuilds the queue if Redis was emptied. Otherwise it looks up the tasks of up to PerPass overdue deliveries and enqueues the
// lost ones. It continues after the last delivery of the pass before, and begins again with the first once it has reached the last. After
// an error, the next pass repeats the batch that failed. Pass must not be called concurrently.
func (r *Reconciler) Pass(ctx context.Context) error {
	defer r.metrics.time()()
	if err := r.queue.RegisterQueues(ctx, webhook.QueueDeliveries); err != nil {
		return err
	}
	intact, err := r.queue.Intact(ctx)
	switch {
	case err != nil:
		return err
	case !intact:
		return r.rebuild(ctx)
	}
	p := r.newPass()
	if p.backlog, err = r.lanes.List(ctx); err != nil {
		return err
	}
	defer func() { r.report(ctx, p.found) }()
	r.cursor, err = r.walk(ctx, webhook.Now().Add(-r.options.Grace), r.cursor, r.options.PerPass, p.requeue)
	r.stuck = p.stuck
	return err
}

// walk calls do with batches of the deliveries that are due by a time, at most limit in all, starting after the cursor. It returns the
// cursor to continue from: the last delivery that do handled, or the zero value if no delivery is left.
func (r *Reconciler) walk(ctx context.Context, by time.Time, cursor store.Due, limit int, do func(context.Context, []store.Due) error) (store.Due, error) {
	if cursor.ID == "" {
		r.metrics.oldest.Set(0)
	}
	for limit > 0 {
		size := min(batch, limit)
		due, err := r.list(ctx, by, cursor, size)
		if err != nil {
			return cursor, err
		}
		if cursor.ID == "" && len(due) > 0 {
			r.metrics.oldest.Set(max(0, time.Since(due[0].NextRetryAt).Seconds()))
		}
		if err := do(ctx, due); err != nil {
			return cursor, err
		}
		if len(due) < size {
			return store.Due{}, nil
		}
		cursor = due[len(due)-1]
		limit -= size
	}
	return cursor, nil
}

// list lists due deliveries with a deadline, since a database may accept a connection and not respond.
func (r *Reconciler) list(ctx context.Context, by time.Time, cursor store.Due, limit int) ([]store.Due, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return r.store.ListDue(ctx, by, cursor, limit)
}

// itemsOf returns the items to enqueue. A pending delivery is due now, even if the clock of the process that wrote its row is ahead.
func itemsOf(due []store.Due) []queue.Item {
	items := make([]queue.Item, len(due))
	for i, d := range due {
		items[i] = queue.Item{DeliveryID: d.ID, Queue: d.Queue, Lane: d.Lane, Position: d.Position()}
		if d.Test { // see queue.ItemOf
			items[i].Lane = webhook.Lane{}
		}
		if d.Status == webhook.StatusRetrying {
			items[i].DueAt = d.NextRetryAt
		}
	}
	return items
}

// pass is the state of one pass.
type pass struct {
	*Reconciler
	found     map[queue.TaskState]int
	stuck     int // deliveries overdue for longer than stuckAfter in this pass
	stuckLast int // the same in the pass before
	unchecked int // how many more pending tasks this pass may verify
	backlog   map[webhook.Lane]queue.LaneState
}

func (r *Reconciler) newPass() *pass {
	return &pass{Reconciler: r, found: map[queue.TaskState]int{}, stuckLast: r.stuck, unchecked: maxVerified}
}

// requeue looks up the tasks of overdue deliveries and enqueues those that have none. It counts an orphan before it enqueues the
// delivery, so that an orphan too many ends the delivery before another attempt.
func (p *pass) requeue(ctx context.Context, due []store.Due) error {
	due = slices.DeleteFunc(slices.Clone(due), p.inBacklog)
	since := make(map[string]time.Time, len(due))
	for _, d := range due {
		since[d.ID] = d.NextRetryAt
	}
	items := itemsOf(due)
	states, err := p.queue.LookUp(ctx, items, func(item queue.Item) bool { return p.verify(since[item.DeliveryID]) })
	if err != nil {
		return err
	}
	var lost []queue.Item
	for i, state := range states {
		p.found[state]++
		if state == queue.Orphan {
			p.orphaned(ctx, items[i].DeliveryID)
		}
		if !state.IsQueued() {
			lost = append(lost, items[i])
		}
	}
	return p.enqueue(ctx, lost, p.queue.Enqueue)
}

// inBacklog reports whether dispatchers reach the delivery by claiming from its lane.
func (p *pass) inBacklog(d store.Due) bool {
	state, open := p.backlog[d.Lane]
	return open && state.Behind(d.Position())
}

// verify reports whether to check that the pending task of a delivery is in the pending list. It selects deliveries that are overdue for
// longer than stuckAfter, and samples them at random if the pass before found more than maxVerified.
func (p *pass) verify(dueAt time.Time) bool {
	if time.Since(dueAt) < stuckAfter {
		return false
	}
	p.stuck++
	if p.unchecked == 0 || p.stuckLast > maxVerified && rand.N(p.stuckLast) >= maxVerified {
		return false
	}
	p.unchecked--
	return true
}

// orphaned counts a lost attempt. A failure is logged only: the delivery must be enqueued all the same.
func (r *Reconciler) orphaned(ctx context.Context, id string) {
	if err := r.orphans.Orphaned(ctx, id); err != nil {
		r.options.Log.WarnContext(ctx, "orphaned attempt not counted", "deliveryId", id, "error", err)
	}
}

// enqueue calls put for the items, several at a time. It ends at the first error if Redis is unavailable. If Redis is available, the error is
// that item's own: it is logged, the next pass tries that item again, and the other items are enqueued.
func (r *Reconciler) enqueue(ctx context.Context, items []queue.Item, put func(context.Context, queue.Item) (queue.Placement, error)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	var checking sync.Mutex // one goroutine at a time checks whether Redis is available
	for _, item := range items {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, err := put(ctx, item)
			if err == nil {
				return nil
			}
			checking.Lock()
			defer checking.Unlock()
			if unavailable := r.queue.RegisterQueues(ctx, webhook.QueueDeliveries); unavailable != nil {
				return err
			}
			r.options.Log.WarnContext(ctx, "delivery not enqueued", "deliveryId", item.DeliveryID, "error", err)
			return nil
		})
	}
	return group.Wait()
}

// trim removes old entries from asynq's archive. See queue.TrimArchive for why asynq must not do it.
func (r *Reconciler) trim(ctx context.Context) error {
	removed, err := r.queue.TrimArchive(ctx, webhook.QueueDeliveries)
	if removed > 0 {
		r.options.Log.InfoContext(ctx, "archive trimmed", "tasks", removed)
	}
	return err
}
