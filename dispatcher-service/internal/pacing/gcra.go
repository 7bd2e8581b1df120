// Package pacing spaces the requests to an endpoint according to its rate limit. It implements the generic cell rate algorithm
// (GCRA), which needs one timestamp per endpoint: the theoretical arrival time (TAT), at which the endpoint's allowance is whole
// again. Each request moves the TAT on by the interval between two requests. A request may be sent once the TAT is no further
// ahead than the burst.
//
//	 now      its turn              TAT
//	──┼──────────┼───────────────────┼──▶
//	  │◀─ wait ─▶│◀──────burst──────▶│
//
// A request whose turn is within the Horizon reserves it: the caller waits and sends. Any other request reserves nothing.
//
// Replicas share the TAT of an endpoint in Redis, where a script computes the same as Limit.Reserve on Redis's clock. Without
// Redis each replica keeps to the rate on its own.
package pacing

import "time"

const (
	// Horizon is how far ahead a turn is reserved. The caller waits for it.
	Horizon = 250 * time.Millisecond
	// burstShare is the fraction of a second's requests that may be sent at once after a pause, and at least one. No second sees
	// more than 11/10 of the rate.
	burstShare = 10
)

// Limit is a rate limit.
type Limit struct {
	// Interval is the time between two requests, in whole microseconds.
	Interval time.Duration
	// Burst is how many requests may be sent at once after a pause.
	Burst int
}

// PerSecond returns the limit of n requests per second. n is at least 1.
func PerSecond(n int) Limit {
	interval := (time.Second + time.Duration(n) - 1) / time.Duration(n)
	return Limit{Interval: (interval + time.Microsecond - 1).Truncate(time.Microsecond), Burst: max(1, n/burstShare)}
}

// Turn is when a request may be sent.
type Turn struct {
	// Granted reports whether the turn is reserved. It is then the request's after Wait.
	Granted bool
	Wait    time.Duration
	// Retry is how long it takes at least until a turn can be reserved, if this one is not.
	Retry time.Duration
}

// Reserve returns the turn of a request and the TAT after it. The TAT is unchanged if the turn is not granted.
func (l Limit) Reserve(tat, now time.Time) (time.Time, Turn) {
	next := tat
	if now.After(next) {
		next = now
	}
	next = next.Add(l.Interval)
	turn := l.turn(next.Sub(now) - l.tolerance())
	if !turn.Granted {
		return tat, turn
	}
	return next, turn
}

// tolerance is how far the TAT may be ahead of a request that is sent.
func (l Limit) tolerance() time.Duration { return time.Duration(l.Burst) * l.Interval }

func (l Limit) turn(wait time.Duration) Turn {
	if wait > Horizon {
		return Turn{Retry: wait - Horizon}
	}
	return Turn{Granted: true, Wait: max(0, wait)}
}
