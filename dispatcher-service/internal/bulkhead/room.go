package bulkhead

import (
	"time"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/dispatcher-service/internal/pacing"
)

// quickAnswer is the longest mean duration of an endpoint's attempts with which its slots are free again before the deliveries that are claimed
// now have been loaded. A busy dispatcher loads deliveries in 5 to 15 ms.
const quickAnswer = 10 * time.Millisecond

// lasting is how many attempts have lasted longer than a worker waits for their slots.
func (e *endpoint) lasting(now time.Time) (count int) {
	for p := e.inFlight.first; p != nil && now.Sub(p.began) >= maxSlotWait; p = p.next {
		count++
	}
	return count
}

// Room returns how many more deliveries of the endpoint may be claimed now. These are as many as Acquire would allow, and for a quick endpoint
// with a free slot as many in addition as it has slots that are soon free. Its slots would otherwise be empty most of the time, because a
// claimed delivery has to be loaded first. Held deliveries have precedence: Room returns 0 while there are any.
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
	limit := b.limit(e, now)
	room := limit - e.occupied()
	switch {
	case e.circuit.State != circuit.Closed:
		room = min(room, 1)
	case e.circuit.Ramp > 0:
		room = min(room, e.circuit.Ramp-e.current-e.reservations.size)
	case e.interval > 0: // what its rate allows within the horizon
		room = min(room, max(1, int(pacing.Horizon/e.interval)))
	case e.quick(now):
		room += limit - e.lasting(now)
	}
	return max(0, room)
}
