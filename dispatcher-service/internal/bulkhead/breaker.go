package bulkhead

import (
	"fmt"
	"time"
)

// State is that of a circuit.
type State uint8

// The states of a circuit.
const (
	Closed   State = iota // attempts are made
	Open                  // none are made
	HalfOpen              // one is made, to see
)

func (s State) String() string { return [...]string{"closed", "open", "half_open"}[s] }

// MarshalText is how a state looks in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const (
	// hungInARow opens a circuit: with a cap of 50, one timeout after the endpoint began to hang.
	hungInARow = 5
	// half of at least hungOf attempts opens it too: one that hangs now and then holds as many workers.
	hungOf = 20
	// noServiceInARow over at least noServiceFor opens it. What costs no worker's time is in no hurry: a receiver that is
	// restarted should find its deliveries retried, not held.
	noServiceInARow = 20
	noServiceFor    = 10 * time.Second
	// badWhileRamping opens it again while it is still being tried.
	badWhileRamping = 2

	// An open period doubles from the first to the longest, ±20 %, so that circuits that opened together do not probe together.
	firstOpen, longestOpen = 5 * time.Second, 60 * time.Second
	openJitter             = 0.2
)

// breaker is one endpoint's circuit. It knows no clock and no lock.
type breaker struct {
	state State
	// generation rises when the circuit opens and when it closes: what was begun before says nothing about what comes after.
	generation uint64
	history    history
	since      time.Time // of the state
	until      time.Time // of an open circuit
	why        string    // it opened
	reopened   int       // how often it opened without having been well in between
	// ramp is how many attempts a circuit that has closed again may have in flight, and grows with each answer; 0 is no limit.
	ramp int
	// down counts the attempts that found no service, or hung, and ended after the last one that was served; downSince is when
	// the first of them ended.
	down      int
	downSince time.Time
}

// advance half-opens a circuit that has been open for long enough, and says whether it did.
func (b *breaker) advance(now time.Time) bool {
	if b.state != Open || now.Before(b.until) {
		return false
	}
	b.state, b.since = HalfOpen, now
	return true
}

// record takes note of an attempt of this generation, and says whether the state changed. A probe was begun while the circuit
// was half open; what was begun while it was open could not be held any longer, and tells only if it is answered.
func (b *breaker) record(number uint64, o outcome, probe bool, limit int, now time.Time, random float64) bool {
	b.history.end(number, o)
	b.count(o, now)
	switch {
	case b.state != Closed && o.served():
		b.close(now)
		return true
	case b.state == HalfOpen && probe:
		b.open("it was tried again in vain", now, random)
		return true
	case b.state != Closed:
		return false
	}
	if o.served() {
		b.widen(limit)
		return false
	}
	if why := b.verdict(now); why != "" {
		b.open(why, now, random)
		return true
	}
	return false
}

// count updates the run of attempts without service, in the order in which attempts end.
func (b *breaker) count(o outcome, now time.Time) {
	switch {
	case o.served():
		b.down = 0
	case b.down == 0:
		b.down, b.downSince = 1, now
	default:
		b.down++
	}
}

// widen raises the limit of a circuit that has closed again, and removes it at the endpoint's own limit.
func (b *breaker) widen(limit int) {
	if b.ramp == 0 {
		return
	}
	if b.ramp++; b.ramp >= limit {
		b.ramp, b.reopened = 0, 0
	}
}

// verdict returns why a closed circuit has to open, or "". It is asked only after an attempt that was not served. Both orders
// count for a circuit that opens without timeouts: attempts that were begun earlier and end later are no news of the
// endpoint, and an answer that has just arrived is, whenever its attempt was begun.
func (b *breaker) verdict(now time.Time) string {
	h := &b.history
	known, hungs := count(h.known), count(h.hung)
	inARow := min(h.row(h.down), b.down)
	switch {
	case b.ramp > 0 && inARow >= badWhileRamping:
		return "it failed again soon after it had recovered"
	case h.row(h.hung) >= hungInARow:
		return fmt.Sprintf("it did not answer in time %d times in a row", hungInARow)
	case known >= hungOf && 2*hungs >= known:
		return fmt.Sprintf("it did not answer in time %d times out of %d", hungs, known)
	case inARow >= noServiceInARow && now.Sub(b.downSince) >= noServiceFor:
		return fmt.Sprintf("it has given no service for %s", now.Sub(b.downSince).Truncate(time.Second))
	}
	return ""
}

func (b *breaker) open(why string, now time.Time, random float64) {
	period := min(firstOpen<<min(b.reopened, 8), longestOpen)
	period = min(time.Duration(float64(period)*(1-openJitter+2*openJitter*random)), longestOpen)
	b.state, b.since, b.until, b.why = Open, now, now.Add(period), why
	b.generation++
	b.reopened++
	b.ramp, b.down = 0, 0
	b.history.clear()
}

func (b *breaker) close(now time.Time) {
	b.state, b.since, b.ramp, b.down = Closed, now, 2, 0
	b.generation++
	b.history.clear()
}

// well says whether nothing speaks against the endpoint but what may be in flight.
func (b *breaker) well() bool {
	h := &b.history
	return b.state == Closed && b.ramp == 0 && h.row(h.bad()) == 0 && 4*count(h.bad()) <= count(h.known)
}
