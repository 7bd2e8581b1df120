package groupcommit

import "time"

const (
	// company is how many items a batch has to expect to wait for them: fewer are not worth anybody's time.
	company = 3
	// slowest is the longest gap that counts: after a rest the pace is known again within a dozen items.
	slowest = 20 * time.Millisecond
)

// pace is how fast items have come of late.
type pace struct {
	last time.Time
	gap  time.Duration // between two items, as a moving average
}

func (p *pace) came(now time.Time) {
	gap := min(slowest, now.Sub(p.last))
	p.last = now
	p.gap += (gap - p.gap) / 8
}

// expects is how many items will come within a time, if they come as they have.
func (p *pace) expects(within time.Duration) int {
	return int(within / max(p.gap, time.Microsecond))
}
