package admission

import "time"

const (
	// targetLag is the lag up to which nothing is delayed: an event that is accepted now starts within about twice this time.
	targetLag = 15 * time.Millisecond
	// longestDelay bounds the delay of a publish.
	longestDelay = 50 * time.Millisecond
	// together is the grid of times at which delays end: publishes that were delayed share a commit.
	together = 8 * time.Millisecond
)

// delay returns how long a publish of a number of events waits if deliveries of its organization are behind by lag. Each event adds the
// difference between lag and its target, up to longestDelay.
func delay(lag time.Duration, events int) time.Duration {
	excess := min(lag-targetLag, longestDelay)
	if excess <= 0 || events <= 0 {
		return 0
	}
	return min(excess*time.Duration(min(events, int(longestDelay/time.Millisecond))), longestDelay)
}

// release returns when a delay that begins now ends: at a time of the grid, so that others end with it, and after longestDelay at most.
func release(now time.Time, d time.Duration) time.Time {
	end := now.Add(d)
	if rounded := end.Truncate(together); rounded.Before(end) {
		end = rounded.Add(together)
	}
	if last := now.Add(longestDelay); end.After(last) {
		return last
	}
	return end
}
