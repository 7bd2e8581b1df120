package reconcile

import (
	"time"

	"redrive/pkg/queue"
)

const (
	// lapsesAfter is how long a lease has to stand still until its worker is taken for gone. A worker that could not extend one for
	// queue.LeaseDuration has let go of the task by itself. 2 s more are for what it had said to Redis and Redis has not heard yet:
	// a command is given up then.
	lapsesAfter = queue.LeaseDuration + 2*time.Second
	// A whole fleet can be restarted within less, and nobody is left then who saw for how long a lease has stood still. One that was
	// there at the first look is given three of the beats that asynq makes every 5 s, if it has passed by Redis's clock as well, with
	// 5 s in which the clocks may differ. Where they differ by more, that leaves the three beats.
	lapsesSooner = 15 * time.Second
	clockMargin  = 5 * time.Second
)

// sighting is a lease as it was seen, for the first time at since.
type sighting struct {
	until     time.Time
	since     time.Time
	firstLook bool
}

// lookout remembers for how long each lease has stood still, by the clock of this machine, which nobody sets back.
type lookout struct{ seen map[string]sighting }

// lapsed notes what the leases are now, and returns those that have stood still for too long. The time at Redis is redisNow.
func (l *lookout) lapsed(leases []queue.Lease, redisNow time.Time) []queue.Lease {
	now, firstLook := time.Now(), l.seen == nil
	seen := make(map[string]sighting, len(leases))
	var lapsed []queue.Lease
	for _, lease := range leases {
		s, known := l.seen[lease.DeliveryID]
		if !known || !s.until.Equal(lease.Until) { // it may have gone back: Redis can return as an old copy
			s = sighting{until: lease.Until, since: now, firstLook: firstLook}
		}
		seen[lease.DeliveryID] = s
		if s.hasLapsed(now, redisNow) {
			lapsed = append(lapsed, lease)
		}
	}
	l.seen = seen
	return lapsed
}

func (s sighting) hasLapsed(now, redisNow time.Time) bool {
	still := now.Sub(s.since)
	passed := redisNow.Sub(s.until) > clockMargin
	return still >= lapsesAfter || s.firstLook && passed && still >= lapsesSooner
}
