package claim

import (
	"sync"
	"time"
)

const (
	// targetTime is how long the dispatcher's own work on a delivery should take: below it statements are shared by too few, above it a
	// delivery waits for others'.
	targetTime = 25 * time.Millisecond
	// The number of deliveries in own work is kept between these, whatever the rate. On a machine so busy that the own work takes longer
	// than targetTime, the rate would otherwise fall, the limit with it, and the rate again.
	leastWork, mostWork = 96, 192
	// busyWork is the number of deliveries in own work from which on the dispatcher counts as busy: below it, none waits for others.
	busyWork = 32
	// rateWindow is the time over which the rate of deliveries is measured.
	rateWindow = 250 * time.Millisecond
)

// Load is the number of deliveries that this dispatcher works on itself: from the take until the attempt begins, and from its end until
// the delivery is acknowledged. By Little's law it is kept at rate × targetTime. It is safe for concurrent use.
type Load struct {
	now func() time.Time

	mutex   sync.Mutex
	working int
	limit   int
	ended   int // in the present window
	window  time.Time
	changed func()
}

// NewLoad makes a Load.
func NewLoad() *Load { return newLoad(time.Now) }

func newLoad(now func() time.Time) *Load {
	return &Load{now: now, limit: leastWork, window: now(), changed: func() {}}
}

// Begin counts a delivery that is worked on again, or for the first time.
func (l *Load) Begin() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.working++
}

// Pause counts a delivery whose attempt begins: a receiver works on it.
func (l *Load) Pause() {
	l.mutex.Lock()
	l.working--
	l.mutex.Unlock()
	l.changed()
}

// End counts a delivery that is done with.
func (l *Load) End() {
	l.mutex.Lock()
	l.working--
	l.ended++
	if passed := l.now().Sub(l.window); passed >= rateWindow {
		rate := float64(l.ended) / passed.Seconds()
		l.limit = min(max(int(rate*targetTime.Seconds()), leastWork), mostWork)
		l.ended, l.window = 0, l.now()
	}
	l.mutex.Unlock()
	l.changed()
}

// Room returns how many deliveries may be taken.
func (l *Load) Room() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.limit - l.working
}

// Busy reports whether deliveries wait for each other in this dispatcher.
func (l *Load) Busy() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.working >= busyWork
}
