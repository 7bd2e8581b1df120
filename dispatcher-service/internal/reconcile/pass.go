package reconcile

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	batch       = 500
	concurrency = 32
	listTimeout = 10 * time.Second
	// anyTime from now is later than any delivery's next attempt.
	anyTime = 10 * 365 * 24 * time.Hour
	// stuckAfter is when a delivery has been due for so long that its task is looked for in the pending list itself, which has to
	// be searched: no more than verified are in one pass.
	stuckAfter = 3 * time.Minute
	verified   = 50
)

// Pass rebuilds the queue if Redis has been emptied. Otherwise it looks at up to PerPass overdue deliveries, from where the
// pass before it ended, and begins anew once it has reached the end.
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
	p := r.newMending()
	defer func() { r.report(ctx, p.found) }()
	r.cursor, err = r.walk(ctx, webhook.Now().Add(-r.options.Grace), r.cursor, r.options.PerPass, p.mend)
	r.stuck = p.stuck
	return err
}

// walk does something about up to limit deliveries that are due by a time, from behind the cursor on. It returns the cursor to
// go on from: the zero one once there is nothing left, and the last that is done with when it was cut short.
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

// list gives up on a database that takes connections and then says nothing: the next pass tries again.
func (r *Reconciler) list(ctx context.Context, by time.Time, cursor store.Due, limit int) ([]store.Due, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return r.store.ListDue(ctx, by, cursor, limit)
}

// itemsOf leaves out when a pending delivery is due: now, whatever the clock of who wrote it says.
func itemsOf(due []store.Due) []queue.Item {
	items := make([]queue.Item, len(due))
	for i, d := range due {
		items[i] = queue.Item{DeliveryID: d.ID, Queue: d.Queue}
		if d.Status == webhook.StatusRetrying {
			items[i].DueAt = d.NextRetryAt
		}
	}
	return items
}

// mending is one pass over what is overdue.
type mending struct {
	*Reconciler
	found     map[queue.TaskState]int
	stuck     int
	stuckLast int
	unchecked int
}

func (r *Reconciler) newMending() *mending {
	return &mending{Reconciler: r, found: map[queue.TaskState]int{}, stuckLast: r.stuck, unchecked: verified}
}

// mend enqueues what the queue does not keep. An orphan is counted first, so that the one too many ends its delivery before it
// is sent again.
func (m *mending) mend(ctx context.Context, due []store.Due) error {
	since := make(map[string]time.Time, len(due))
	for _, d := range due {
		since[d.ID] = d.NextRetryAt
	}
	items := itemsOf(due)
	sights, err := m.queue.LookUp(ctx, items, func(item queue.Item) bool { return m.verify(since[item.DeliveryID]) })
	if err != nil {
		return err
	}
	var lost []queue.Item
	for i, sight := range sights {
		m.found[sight]++
		if sight == queue.Orphan {
			m.orphaned(ctx, items[i].DeliveryID)
		}
		if !sight.IsQueued() {
			lost = append(lost, items[i])
		}
	}
	return m.enqueue(ctx, lost, m.queue.Enqueue)
}

// verify chooses among the deliveries that have been due for long, at random if there are more than may be searched for.
func (m *mending) verify(dueAt time.Time) bool {
	if time.Since(dueAt) < stuckAfter {
		return false
	}
	m.stuck++
	if m.unchecked == 0 || m.stuckLast > verified && rand.N(m.stuckLast) >= verified {
		return false
	}
	m.unchecked--
	return true
}

func (r *Reconciler) orphaned(ctx context.Context, id string) {
	if err := r.orphans.Orphaned(ctx, id); err != nil {
		r.options.Log.WarnContext(ctx, "orphaned attempt not counted", "deliveryId", id, "error", err)
	}
}

// enqueue puts items into the queue, several at a time. Redis being away ends it; one task that Redis cannot make sense of is
// left to the next round, and holds up no other.
func (r *Reconciler) enqueue(ctx context.Context, items []queue.Item, put func(context.Context, queue.Item) (queue.Placement, error)) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	var once sync.Mutex // one asks whether Redis is away, and not all at once
	for _, item := range items {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, err := put(ctx, item)
			if err == nil {
				return nil
			}
			once.Lock()
			defer once.Unlock()
			if away := r.queue.RegisterQueues(ctx, webhook.QueueDeliveries); away != nil {
				return err
			}
			r.options.Log.WarnContext(ctx, "a delivery could not be put back into the queue", "deliveryId", item.DeliveryID, "error", err)
			return nil
		})
	}
	return group.Wait()
}

// trim keeps asynq's archive below what asynq can trim itself.
func (r *Reconciler) trim(ctx context.Context) error {
	removed, err := r.queue.TrimArchive(ctx, webhook.QueueDeliveries)
	if removed > 0 {
		r.options.Log.InfoContext(ctx, "removed old entries from the queue's archive", "tasks", removed)
	}
	return err
}
