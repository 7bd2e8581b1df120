package bulkhead

import (
	"fmt"
	"time"
)

const (
	// shortestSnooze is the minimum of a snooze. While few deliveries are held, snoozes are random between it and twice as long. Shorter
	// snoozes were tried: they end before a recovering endpoint has slots.
	shortestSnooze = 30 * time.Second
	// The minimum grows in two cases. It is at least the time for which the endpoint has had held deliveries, divided by snoozeAgeShare.
	// It is at least the number of held deliveries, divided by returnRate per second.
	snoozeAgeShare = 4
	returnRate     = 20
)

// snooze returns how long the delivery's task sleeps if it is not woken. It grows with the age and the number of the endpoint's held
// deliveries. The jitter is up to as long again, so that tasks that were snoozed together do not run together.
func (b *Bulkheads) snooze(e *endpoint, r Request, cause Cause, now time.Time) time.Duration {
	if cause == Rate {
		// At the endpoint's rate, this delivery can be attempted after all held ones.
		turn := max(time.Second, e.limitedUntil.Sub(now)+time.Duration(len(e.held))*time.Second/time.Duration(max(1, r.RateLimit)))
		if turn < min(shortestSnooze, b.options.LongestSnooze/2) {
			return turn + time.Duration(float64(turn)*b.options.Random()/4)
		}
	}
	base := shortestSnooze
	if len(e.held) > 0 {
		base = max(base, now.Sub(e.heldSince)/snoozeAgeShare, time.Duration(len(e.held))*time.Second/returnRate)
	}
	base = min(base, b.options.LongestSnooze/2)
	return base + time.Duration(float64(base)*b.options.Random())
}

// reason returns a sentence for operators, with the last error of the endpoint.
func (e *endpoint) reason(r Request, cause Cause) string {
	var held string
	switch cause {
	case Rate:
		return fmt.Sprintf("held: the endpoint's rate limit of %d a second is used up", r.RateLimit)
	case Circuit:
		held = fmt.Sprintf("held: the endpoint's circuit is %s: %s", e.circuit.Phase(), e.circuit.Reason)
	default:
		held = fmt.Sprintf("held: the endpoint has %d attempts in flight, and may not have more at the moment", e.inFlight.size)
	}
	if e.lastError != "" {
		return held + "; its last error: " + e.lastError
	}
	return held
}
