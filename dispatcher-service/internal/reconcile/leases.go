package reconcile

import (
	"time"

	"redrive/pkg/queue"
)

const (
	// staleAfter is how long a lease must stay unchanged before its worker counts as dead. A live worker extends its leases every 5 s. One
	// that could not for queue.LeaseDuration has stopped handling the task. The other 2 s are for an acknowledgement that the worker
	// has sent and Redis has not received: the worker's Redis client gives up within that time.
	staleAfter = queue.LeaseDuration + 2*time.Second
	// staleAfterStart applies instead to a lease that was there when this process first read the leases, if it has also expired by
	// Redis's clock. When the whole fleet restarts, no process has seen how long such a lease was unchanged before, and waiting for
	// staleAfter would be too long. It is three times the interval at which workers extend leases.
	staleAfterStart = 15 * time.Second
	// clockMargin is by how much the clocks of Redis and of a worker may differ for staleAfterStart to apply. A larger
	// difference shortens the wait to staleAfterStart at worst.
	clockMargin = 5 * time.Second
)

// leaseTracker records for how long each lease has been unchanged. It measures that by the monotonic clock of this process, so no two
// machines' clocks are compared. It is not safe for concurrent use.
type leaseTracker struct{ leases map[string]trackedLease }

// trackedLease is the end of a lease, and since when this process has read the same end.
type trackedLease struct {
	until     time.Time
	since     time.Time
	firstRead bool // the lease was there when the tracker read leases for the first time
}

// stale records the present leases and returns those that have been unchanged for too long. redisNow is the time by Redis's clock.
func (t *leaseTracker) stale(leases []queue.Lease, redisNow time.Time) []queue.Lease {
	now, firstRead := time.Now(), t.leases == nil
	tracked := make(map[string]trackedLease, len(leases))
	var stale []queue.Lease
	for _, lease := range leases {
		l, known := t.leases[lease.DeliveryID]
		if !known || !l.until.Equal(lease.Until) { // an earlier end is a change too: Redis may have restarted from an old snapshot
			l = trackedLease{until: lease.Until, since: now, firstRead: firstRead}
		}
		tracked[lease.DeliveryID] = l
		if l.isStale(now, redisNow) {
			stale = append(stale, lease)
		}
	}
	t.leases = tracked
	return stale
}

func (l trackedLease) isStale(now, redisNow time.Time) bool {
	unchanged := now.Sub(l.since)
	expired := redisNow.Sub(l.until) > clockMargin
	return unchanged >= staleAfter || l.firstRead && expired && unchanged >= staleAfterStart
}
