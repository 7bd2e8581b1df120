package reconcile

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	// searchInterval is how often leases are read. An attempt whose dispatcher was killed is made again within lapsesAfter and twice
	// this: 36 s of the 45 that are promised.
	searchInterval = 2 * time.Second
	// spread is over how long, for each orphan before, a delivery that is orphaned again is put off at random. All that one crash
	// has orphaned is found together; enqueued together it would be in flight together once more, and those that are not to blame
	// for the crash would be counted with the one that is, until all of them end.
	spread = 5 * time.Second
)

// search finds the tasks whose workers are gone. What does not wait any more is left to asynq, which recovers it within two minutes:
// nobody is waiting for it.
func (r *Reconciler) search(ctx context.Context) error {
	leases, redisNow, err := r.queue.Leases(ctx, webhook.QueueDeliveries)
	if err != nil {
		return err
	}
	found := map[queue.TaskState]int{}
	defer func() { r.report(ctx, found) }()
	for lapsed := range slices.Chunk(r.lookout.lapsed(leases, redisNow), batch) {
		if err := r.reclaim(ctx, lapsed, found); err != nil {
			return err
		}
	}
	return nil
}

// reclaim takes tasks from workers that are gone, and enqueues them. An orphan is counted first, so that the one too many ends its
// delivery before it is sent again.
func (r *Reconciler) reclaim(ctx context.Context, lapsed []queue.Lease, found map[queue.TaskState]int) error {
	rows, err := r.find(ctx, lapsed)
	if err != nil {
		return err
	}
	lapsed = slices.DeleteFunc(lapsed, func(l queue.Lease) bool { _, waits := rows[l.DeliveryID]; return !waits })
	sights, err := r.queue.Reclaim(ctx, lapsed)
	if err != nil {
		return err
	}
	var lost []queue.Item
	for i, sight := range sights {
		found[sight]++
		row := rows[lapsed[i].DeliveryID]
		if sight == queue.Orphan && lostAttempt(row, lapsed[i]) {
			r.orphaned(ctx, row.ID)
		}
		if !sight.IsQueued() {
			lost = append(lost, again(row))
		}
	}
	return r.enqueue(ctx, lost, r.queue.EnqueueFirst)
}

// find returns the rows of those that wait for an attempt.
func (r *Reconciler) find(ctx context.Context, leases []queue.Lease) (map[string]store.Due, error) {
	ids := make([]string, len(leases))
	for i, lease := range leases {
		ids[i] = lease.DeliveryID
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	waiting, err := r.store.FindWaiting(ctx, ids)
	rows := make(map[string]store.Due, len(waiting))
	for _, row := range waiting {
		rows[row.ID] = row
	}
	return rows, err
}

// lostAttempt says whether the attempt that the lease was for has no outcome. It has one if the row came due after the worker was
// heard of last: the row has moved on, and asynq, which acknowledges nothing once a lease has run out, merely kept the task. A lease
// is kept in whole seconds. Both times are the dispatcher's own, but for a row that the API has written: where its clock is ahead,
// orphans begin to be counted so much later.
func lostAttempt(row store.Due, lease queue.Lease) bool {
	return !row.NextRetryAt.Truncate(time.Second).After(lease.Extended())
}

// again is when an orphan is enqueued for: the first time at once, and then no longer together with what it was orphaned with.
func again(row store.Due) queue.Item {
	item := itemsOf([]store.Due{row})[0]
	if row.Orphans == 0 {
		return item
	}
	if later := webhook.Now().Add(rand.N(time.Duration(row.Orphans) * spread)); later.After(item.DueAt) {
		item.DueAt = later
	}
	return item
}
