package bulkhead

import "time"

// Cause is why a delivery was put off.
type Cause string

// The causes.
const (
	causeNone   Cause = ""
	Concurrency Cause = "concurrency" // its endpoint has as many attempts in flight as it may
	Circuit     Cause = "circuit"     // its endpoint does not answer
	Rate        Cause = "rate"        // its endpoint's rateLimit
)

// limit is how many attempts the endpoint may have in flight now; see the package comment for the shares that follow from it.
func (b *Bulkheads) limit(e *endpoint, now time.Time) int {
	workers := b.options.Workers
	spare := workers - workers/reserved - b.occupied
	limit := min(b.options.PerEndpoint, spare/2)
	if spare > 0 || now.Sub(e.answered) < lately {
		limit = max(1, limit)
	}
	if e.well(now) {
		return max(0, limit)
	}
	left := max(1, workers/2) - b.unwell
	if left <= 0 {
		return 0
	}
	return max(0, min(limit, max(1, left/4)))
}

// refuse says why a delivery that was due then may not be attempted now.
func (b *Bulkheads) refuse(e *endpoint, due, now time.Time) Cause {
	b.advance(e, now)
	overdue := now.Sub(due) >= b.options.Patience
	switch {
	case e.breaker.state == Open && !overdue,
		e.breaker.state == HalfOpen && !overdue && e.probes+e.calls.size > 0,
		e.breaker.ramp > 0 && e.current+e.calls.size >= e.breaker.ramp:
		return Circuit
	case now.Before(e.limitedUntil):
		return Rate
	case e.occupied() >= b.limit(e, now):
		return Concurrency
	}
	return causeNone
}

// advance half-opens a circuit whose time has come.
func (b *Bulkheads) advance(e *endpoint, now time.Time) {
	if e.breaker.advance(now) {
		b.noteTransition(e)
	}
}

// awake says whether deliveries in a line can be called at all.
func (b *Bulkheads) awake(now time.Time) bool {
	return b.options.Waker != nil && !now.Before(b.quietUntil)
}

// Permit is the leave to make one attempt. It holds one of its endpoint's slots until Complete or Release.
type Permit struct {
	links[Permit]
	bulkheads  *Bulkheads
	endpoint   *endpoint
	began      time.Time
	number     uint64 // in the circuit's history
	generation uint64
	probe      bool
	unwell     bool // the endpoint was, when it was let in
	left       bool
}

// grant takes a slot.
func (b *Bulkheads) grant(e *endpoint, now time.Time) *Permit {
	p := &Permit{
		bulkheads: b, endpoint: e, began: now, number: e.breaker.history.begin(), generation: e.breaker.generation,
		probe: e.breaker.state == HalfOpen, unwell: !e.well(now),
	}
	e.flight.pushBack(p)
	e.current++
	b.occupied++
	if p.probe {
		e.probes++
	}
	if p.unwell {
		b.unwell++
	}
	return p
}

// release gives the slot back. It says whether the permit still held one, and whether what became of its attempt says anything
// about the circuit as it is now.
func (b *Bulkheads) release(p *Permit) (held, current bool) {
	if p.left {
		return false, false
	}
	p.left = true
	e := p.endpoint
	e.flight.remove(p)
	b.occupied--
	if p.unwell {
		b.unwell--
	}
	current = p.generation == e.breaker.generation
	if current {
		e.current--
		if p.probe {
			e.probes--
		}
	}
	return true, current
}
