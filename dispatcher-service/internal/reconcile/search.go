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
	// searchInterval is how often leases are read. The delivery of a killed dispatcher is enqueued again within staleAfter plus two
	// intervals: 36 s, where the documented limit is 45 s.
	searchInterval = 2 * time.Second
	// spread is the maximum random delay, for each earlier orphan of a delivery, before the delivery is attempted again. One delivery may
	// crash every dispatcher that attempts it. Without the delay, all deliveries that a crash interrupted would be in flight together
	// again, and would all be counted as orphans until they end.
	spread = 5 * time.Second
)

// search finds the tasks of dead workers, and enqueues their deliveries again if they still wait for an attempt. asynq itself removes the
// tasks of deliveries that have ended, within two minutes.
func (r *Reconciler) search(ctx context.Context) error {
	leases, redisNow, err := r.queue.Leases(ctx, webhook.QueueDeliveries)
	if err != nil {
		return err
	}
	found := map[queue.TaskState]int{}
	defer func() { r.report(ctx, found) }()
	for stale := range slices.Chunk(r.leases.stale(leases, redisNow), batch) {
		if err := r.reclaim(ctx, stale, found); err != nil {
			return err
		}
	}
	return nil
}

// reclaim removes the tasks of stale leases and enqueues their deliveries again. It counts an orphan before it enqueues the delivery, so
// that an orphan too many ends the delivery before another attempt.
func (r *Reconciler) reclaim(ctx context.Context, stale []queue.Lease, found map[queue.TaskState]int) error {
	rows, err := r.find(ctx, stale)
	if err != nil {
		return err
	}
	stale = slices.DeleteFunc(stale, func(l queue.Lease) bool { _, waits := rows[l.DeliveryID]; return !waits })
	states, err := r.queue.Reclaim(ctx, stale)
	if err != nil {
		return err
	}
	var lost []queue.Item
	for i, state := range states {
		found[state]++
		row := rows[stale[i].DeliveryID]
		if state == queue.Orphan && lostAttempt(row, stale[i]) {
			r.orphaned(ctx, row.ID)
		}
		if !state.IsQueued() {
			lost = append(lost, delayed(row))
		}
	}
	return r.enqueue(ctx, lost, r.queue.EnqueueFirst)
}

// find returns the deliveries of the leases that wait for an attempt, by ID.
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

// lostAttempt reports whether the attempt of a lease has no recorded outcome. If the outcome was recorded, the row's due time is later than
// the last extension of the lease. The task then exists only because asynq does not acknowledge after a lease has expired.
//
// Leases are in whole seconds. Both times come from the dispatcher's clock, except for a row that the API wrote: if the API's clock is
// ahead, attempts count as lost only after that much more time.
func lostAttempt(row store.Due, lease queue.Lease) bool {
	return !row.NextRetryAt.Truncate(time.Second).After(lease.Extended())
}

// delayed returns the item to enqueue for an orphan: at once for the first orphan of a delivery, and later at random for further ones.
func delayed(row store.Due) queue.Item {
	item := itemsOf([]store.Due{row})[0]
	if row.Orphans == 0 {
		return item
	}
	if later := webhook.Now().Add(rand.N(time.Duration(row.Orphans) * spread)); later.After(item.DueAt) {
		item.DueAt = later
	}
	return item
}
