package bulkhead

import (
	"cmp"
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/webhook"
)

// Permit allows one attempt. It holds a slot of its endpoint until Complete or Release.
type Permit struct {
	node[Permit]
	bulkheads *Bulkheads
	endpoint  *endpoint
	began     time.Time
	attempt   circuit.Attempt
	degraded  bool // whether the endpoint was degraded when the permit was granted
	released  bool
}

// grant takes a slot of the endpoint and returns the permit that holds it.
func (b *Bulkheads) grant(e *endpoint, now time.Time) *Permit {
	p := &Permit{bulkheads: b, endpoint: e, began: now, attempt: e.circuit.Begin(), degraded: !e.healthy(now)}
	e.inFlight.pushBack(p)
	b.busy[e] = struct{}{}
	e.current++
	b.slots.Take(p.degraded)
	if p.attempt.Probe {
		e.probes++
	}
	return p
}

// release returns the slot. held reports whether the permit had not been released before. current reports whether its attempt belongs to
// the circuit's present generation.
func (b *Bulkheads) release(p *Permit) (held, current bool) {
	if p.released {
		return false, false
	}
	p.released = true
	e := p.endpoint
	e.inFlight.remove(p)
	if e.inFlight.size == 0 {
		delete(b.busy, e)
	}
	b.slots.Free(p.degraded)
	current = e.circuit.Current(p.attempt)
	if current {
		e.current--
		if p.attempt.Probe {
			e.probes--
		}
	}
	return true, current
}

// Complete returns the slot and records the result of the attempt. It has no effect after Complete or Release.
func (p *Permit) Complete(r webhook.Result) {
	b, e := p.bulkheads, p.endpoint
	b.mutex.Lock()
	defer b.unlock()
	held, current := b.release(p)
	if !held {
		return
	}
	now := time.Now()
	o := circuit.OutcomeOf(r, cmp.Or(r.Timeout, b.options.Timeout))
	e.observe(r, o, now)
	if current && e.circuit.Record(p.attempt, o, b.options.PerEndpoint, now, b.options.Random()) {
		b.logTransition(e)
		e.current, e.probes = 0, 0 // a change of state begins a new generation
		if e.circuit.State == circuit.Open {
			b.rejectAll(e, now)
		}
	}
	b.reassign(e, now)
}

// Release returns the slot without an attempt. It has no effect after Complete, so that it can be deferred.
func (p *Permit) Release() {
	b := p.bulkheads
	b.mutex.Lock()
	defer b.unlock()
	if held, _ := b.release(p); held {
		b.reassign(p.endpoint, time.Now())
	}
}
