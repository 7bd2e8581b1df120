package bulkhead

import (
	"cmp"
	"slices"
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/queue"
)

// maxSummarized bounds how many endpoints Summarize looks at, because deliveries wait meanwhile. A look at one takes some 100 ns.
const maxSummarized = 10_000

// recentlyLimited is how long a rate limit counts as used up after it was. It is the time between two summaries: a limit of several
// requests a second is used up for a fraction of a second at a time, which most summaries would miss.
const recentlyLimited = time.Second

// Summarize adds to a summary what keeps deliveries from being attempted: the endpoints with attempts in flight, with held deliveries or
// with a circuit that is not closed. If there are more than queue.MaxSummaryEndpoints, it adds those that hold the most.
func (b *Bulkheads) Summarize(summary *queue.Summary) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := time.Now()
	summary.Dispatcher.LongestHold, summary.Dispatcher.Workers = b.options.MaxHold, b.options.Workers
	summary.Dispatcher.Limit = b.limit(&endpoint{}, now)
	found, more := b.affected(now)
	slices.SortFunc(found, bySignificance)
	if excess := len(found) - queue.MaxSummaryEndpoints; excess > 0 {
		found, more = found[:queue.MaxSummaryEndpoints], more+excess
	}
	summary.Dispatcher.OmittedEndpoints = more
	summary.Endpoints = make(map[string]queue.EndpointState, len(found))
	for _, e := range found {
		summary.Endpoints[e.id] = b.summarize(e, now)
	}
}

// affected returns the endpoints for a summary, and how many it has not looked at.
func (b *Bulkheads) affected(now time.Time) (found []*endpoint, more int) {
	for e := range b.busy {
		found = append(found, e)
	}
	looked := b.watched[:min(len(b.watched), maxSummarized)]
	for _, e := range looked {
		b.advance(e, now)
		if e.inFlight.size == 0 { // the others are busy
			found = append(found, e)
		}
	}
	return found, len(b.watched) - len(looked)
}

// bySignificance orders endpoints: first those with an open circuit, then by the number of held deliveries and of attempts in flight.
func bySignificance(x, y *endpoint) int {
	rank := func(e *endpoint) int {
		if e.circuit.State == circuit.Closed {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(rank(x), rank(y)), cmp.Compare(len(y.held), len(x.held)), cmp.Compare(y.inFlight.size, x.inFlight.size), cmp.Compare(x.id, y.id),
	)
}

// summarize describes an endpoint for a delivery that is due now.
func (b *Bulkheads) summarize(e *endpoint, now time.Time) queue.EndpointState {
	c := &e.circuit
	state := queue.EndpointState{
		Circuit: queue.CircuitState(c.State.String()), InFlight: e.inFlight.size, Limit: b.limit(e, now), Held: len(e.held) + e.reservations.size,
	}
	switch {
	case c.State == circuit.Open:
		state.Until = c.Until
	case c.State == circuit.HalfOpen:
		state.Probing = e.probes+e.reservations.size > 0
	case c.Ramp > 0:
		state.Probing = e.current+e.reservations.size >= c.Ramp
	}
	if c.State != circuit.Closed || state.Probing {
		state.Since, state.Reason = c.OpenedAt, c.Reason
	}
	if !e.limitedUntil.IsZero() && now.Before(e.limitedUntil.Add(recentlyLimited)) {
		state.LimitedUntil = e.limitedUntil
	}
	held := len(e.held) > 0 || e.waiters.first != nil
	otherwise := c.State == circuit.Open || state.Probing || !state.LimitedUntil.IsZero()
	state.Full = e.occupied() >= state.Limit || held && !otherwise
	return state
}
