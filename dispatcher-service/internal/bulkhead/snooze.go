package bulkhead

import (
	"fmt"
	"time"
)

const (
	// shortestSnooze is half of what a held delivery sleeps for at most when its endpoint has just begun to be busy: 30 to 60 s
	// at random served a recovering endpoint better than shorter ones, for those come back before there is anything for them.
	shortestSnooze = 30 * time.Second
	// A line that has been there for four times as long, or whose deliveries would come back faster than this each second,
	// sleeps longer.
	snoozeShare  = 4
	comeBackRate = 20
)

// snooze is how long the delivery sleeps unless it is called. It grows with how long the endpoint has had a line and how long
// the line is, and is spread over as much again, so that what was held together does not come back together.
func (b *Bulkheads) snooze(e *endpoint, v Request, cause Cause, now time.Time) time.Duration {
	if cause == Rate {
		// Its turn is known: after all that wait already.
		turn := max(time.Second, e.limitedUntil.Sub(now)+time.Duration(len(e.line))*time.Second/time.Duration(max(1, v.RateLimit)))
		if turn < min(shortestSnooze, b.options.LongestSnooze/2) {
			return turn + time.Duration(float64(turn)*b.options.Random()/4)
		}
	}
	base := shortestSnooze
	if len(e.line) > 0 {
		base = max(base, now.Sub(e.heldAt)/snoozeShare, time.Duration(len(e.line))*time.Second/comeBackRate)
	}
	base = min(base, b.options.LongestSnooze/2)
	return base + time.Duration(float64(base)*b.options.Random())
}

// reason is a plain sentence for the operator, with the last real error of the endpoint's.
func (e *endpoint) reason(v Request, cause Cause) string {
	var held string
	switch cause {
	case Rate:
		return fmt.Sprintf("held: the endpoint's rate limit of %d a second is used up", v.RateLimit)
	case Circuit:
		held = fmt.Sprintf("held: the endpoint's circuit is %s: %s", e.breaker.phase(), e.breaker.why)
	default:
		held = fmt.Sprintf("held: the endpoint has %d attempts in flight, and may not have more at the moment", e.flight.size)
	}
	if e.lastError != "" {
		return held + "; its last error: " + e.lastError
	}
	return held
}

// phase is the state in words.
func (b *breaker) phase() string {
	switch {
	case b.state == Open:
		return "open since " + b.since.UTC().Format(time.RFC3339)
	case b.state == HalfOpen:
		return "half open"
	case b.ramp > 0:
		return "closing"
	}
	return "closed"
}
