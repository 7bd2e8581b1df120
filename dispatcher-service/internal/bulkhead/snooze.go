package bulkhead

import (
	"fmt"
	"time"
)

const (
	// shortestSnooze is the least that a held delivery sleeps, and half of the most, while few are held. 30 to 60 s at random served a
	// recovering endpoint better than shorter snoozes, which end before there are slots.
	shortestSnooze = 30 * time.Second
	// Snoozes are longer once deliveries have been held for snoozeAgeShare times as long, or if more than returnRate of them would
	// come back each second.
	snoozeAgeShare = 4
	returnRate     = 20
)

// snooze returns how long the delivery's task sleeps if it is not woken. It grows with the age and the number of the endpoint's held
// deliveries. The jitter is as large again, so that deliveries that were held together do not come back together.
func (b *Bulkheads) snooze(e *endpoint, r Request, cause Cause, now time.Time) time.Duration {
	if cause == Rate {
		// Its turn is known: after those of all held deliveries.
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
