package circuit

import (
	"fmt"
	"time"
)

// State is the state of a circuit.
type State uint8

// The states of a circuit.
const (
	Closed   State = iota // attempts are made
	Open                  // no attempts are made
	HalfOpen              // one attempt at a time is made, as a probe
)

func (s State) String() string { return [...]string{"closed", "open", "half_open"}[s] }

// MarshalText returns the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const (
	// timeoutsInARow open a circuit. With 50 slots, that is one timeout after the endpoint began to hang.
	timeoutsInARow = 5
	// minSample is how many attempts are needed to open a circuit because half of them timed out.
	minSample = 20
	// noServiceInARow attempts over at least noServiceFor open a circuit. They occupy no worker, so this is slower: a receiver that
	// restarts should find its deliveries retried, not held.
	noServiceInARow = 20
	noServiceFor    = 10 * time.Second
	// failuresWhileRamping open a ramping circuit again.
	failuresWhileRamping = 2

	// The open period doubles from the first to the longest, ±20 %, so that circuits that opened together are not probed together.
	firstOpen, longestOpen = 5 * time.Second, 60 * time.Second
	openJitter             = 0.2
)

// Circuit is the circuit of one endpoint. The zero value is closed. Callers read its fields and change them through its methods.
type Circuit struct {
	State State
	// Since is when the state began, Until when an open circuit becomes half open, and Reason why it opened.
	Since, Until time.Time
	Reason       string
	// OpenedAt is when the circuit opened after it was last closed. Failed probes do not change it.
	OpenedAt time.Time
	// Openings counts how often the circuit opened since the endpoint was last healthy.
	Openings int
	// Ramp is how many attempts a ramping circuit allows in flight. It grows with each answer. 0 means no limit.
	Ramp int

	// generation increases when the circuit opens and when it closes. Attempts of an earlier generation are not recorded.
	generation uint64
	history    history
	// failures counts the attempts that were not served and ended after the last served one. firstFailure is when the first of
	// them ended.
	failures     int
	firstFailure time.Time
}

// Attempt identifies an attempt in its circuit.
type Attempt struct {
	number, generation uint64
	// Probe reports whether the circuit was half open when the attempt started.
	Probe bool
}

// Begin starts an attempt.
func (c *Circuit) Begin() Attempt {
	return Attempt{number: c.history.begin(), generation: c.generation, Probe: c.State == HalfOpen}
}

// Current reports whether the attempt started in the circuit's present generation. The outcome of any other attempt says nothing
// about the circuit as it is now.
func (c *Circuit) Current(a Attempt) bool { return a.generation == c.generation }

// Advance makes a circuit half open when its open period has ended. It reports whether the state changed.
func (c *Circuit) Advance(now time.Time) bool {
	if c.State != Open || now.Before(c.Until) {
		return false
	}
	c.State, c.Since = HalfOpen, now
	return true
}

// Record records the outcome of a current attempt and reports whether the state changed. limit is how many attempts the endpoint
// may have in flight, and random is in [0, 1). An attempt that started while the circuit was open changes the state only if it
// was served.
func (c *Circuit) Record(a Attempt, o Outcome, limit int, now time.Time, random float64) bool {
	c.history.end(a.number, o)
	c.countFailures(o, now)
	switch {
	case c.State != Closed && o.Served():
		c.close(now)
		return true
	case c.State == HalfOpen && a.Probe:
		c.open("the probe failed", now, random)
		return true
	case c.State != Closed:
		return false
	}
	if o.Served() {
		c.widen(limit)
		return false
	}
	if reason := c.reasonToOpen(now); reason != "" {
		c.open(reason, now, random)
		return true
	}
	return false
}

// countFailures updates the row of attempts that were not served, in the order in which attempts end.
func (c *Circuit) countFailures(o Outcome, now time.Time) {
	switch {
	case o.Served():
		c.failures = 0
	case c.failures == 0:
		c.failures, c.firstFailure = 1, now
	default:
		c.failures++
	}
}

// widen increases the limit of a ramping circuit, and removes it when it has reached the endpoint's own.
func (c *Circuit) widen(limit int) {
	if c.Ramp == 0 {
		return
	}
	if c.Ramp++; c.Ramp >= limit {
		c.Ramp, c.Openings = 0, 0
	}
}

// reasonToOpen returns why a closed circuit has to open, or "". It is called after an attempt that was not served. A row without
// timeouts has to hold in the order of starts and in the order of ends.
func (c *Circuit) reasonToOpen(now time.Time) string {
	h := &c.history
	known, timeouts := count(h.known), count(h.timedOut)
	inARow := min(h.row(h.failed), c.failures)
	switch {
	case c.Ramp > 0 && inARow >= failuresWhileRamping:
		return "it failed again soon after it had recovered"
	case h.row(h.timedOut) >= timeoutsInARow:
		return fmt.Sprintf("it did not answer in time %d times in a row", timeoutsInARow)
	case known >= minSample && 2*timeouts >= known:
		return fmt.Sprintf("it did not answer in time %d times out of %d", timeouts, known)
	case inARow >= noServiceInARow && now.Sub(c.firstFailure) >= noServiceFor:
		return fmt.Sprintf("it has given no service for %s", now.Sub(c.firstFailure).Truncate(time.Second))
	}
	return ""
}

func (c *Circuit) open(reason string, now time.Time, random float64) {
	period := min(firstOpen<<min(c.Openings, 8), longestOpen)
	period = min(time.Duration(float64(period)*(1-openJitter+2*openJitter*random)), longestOpen)
	if c.State == Closed {
		c.OpenedAt = now
	}
	c.State, c.Since, c.Until, c.Reason = Open, now, now.Add(period), reason
	c.generation++
	c.Openings++
	c.Ramp, c.failures = 0, 0
	c.history.clear()
}

func (c *Circuit) close(now time.Time) {
	c.State, c.Since, c.Ramp, c.failures = Closed, now, 2, 0
	c.generation++
	c.history.clear()
}

// Healthy reports whether the circuit is closed and not ramping, the last attempt was answered in time, and so were three quarters
// of the latest ones.
func (c *Circuit) Healthy() bool {
	h := &c.history
	return c.State == Closed && c.Ramp == 0 && h.row(h.bad()) == 0 && 4*count(h.bad()) <= count(h.known)
}

// Phase returns the state in words for operators.
func (c *Circuit) Phase() string {
	switch {
	case c.State == Open:
		return "open since " + c.Since.UTC().Format(time.RFC3339)
	case c.State == HalfOpen:
		return "half open"
	case c.Ramp > 0:
		return "closing"
	}
	return "closed"
}
