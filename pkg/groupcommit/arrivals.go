package groupcommit

import "time"

const (
	// minExpected is the least number of items that must be expected within Options.Linger for a batch to wait for them.
	minExpected = 3
	// maxGap caps one gap between two items in the average, so that the average is right again about a dozen items after an idle time.
	maxGap = 20 * time.Millisecond
)

// arrivals estimates how fast items arrive. It is not safe for concurrent use.
type arrivals struct {
	last time.Time     // when the last item arrived
	gap  time.Duration // between two items, as a moving average
}

// add records that an item arrived.
func (a *arrivals) add(now time.Time) {
	gap := min(maxGap, now.Sub(a.last))
	a.last = now
	a.gap += (gap - a.gap) / 8
}

// expected returns how many items will arrive within d at the present rate.
func (a *arrivals) expected(d time.Duration) int {
	return int(d / max(a.gap, time.Microsecond))
}
