package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/dispatcher-service/internal/pacing"
)

// Room returns how many more attempts of the endpoint Acquire would allow now. Held deliveries have precedence: it is 0 while there are
// any.
func (b *Bulkheads) Room(endpointID string) int {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	e := b.endpoints[endpointID]
	if e == nil {
		e = &endpoint{id: endpointID}
	}
	if len(e.held) > 0 || e.waiters.first != nil || b.refuse(e, now, now) != noCause {
		return 0
	}
	room := b.limit(e, now) - e.occupied()
	switch {
	case e.circuit.State != circuit.Closed:
		room = min(room, 1)
	case e.circuit.Ramp > 0:
		room = min(room, e.circuit.Ramp-e.current-e.reservations.size)
	case e.interval > 0: // what its rate allows within the horizon
		room = min(room, max(1, int(pacing.Horizon/e.interval)))
	}
	return max(0, room)
}
