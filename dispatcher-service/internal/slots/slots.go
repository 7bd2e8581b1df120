// Package slots computes how many attempts an endpoint may have in flight, so that endpoints that hang leave workers for the others.
// It is pure: callers serialize the calls. A slot stands for a worker that attempts a delivery, or is reserved for one.
//
// An endpoint has at most PerEndpoint slots, and at most half as many as there are spare workers. One worker in eight is never spare: it is
// reserved for endpoints that have answered recently. So endpoints with a high demand share the spare workers, and some workers always
// remain. With 200 workers, one endpoint that hangs can occupy 50. Ten that begin to hang at the same time can occupy 146 together, and any
// number of them no more than 175.
//
// A degraded endpoint gets a quarter of what degraded endpoints have left of half the workers. With 200 workers, one of them gets
// 20, ten get 73 between them, and any number of them no more than 100.
package slots

// reserveShare is the fraction of the workers that only endpoints with a recent answer may use.
const reserveShare = 8

// Slots counts the slots that are in use. Its fields are read by callers and changed by Take and Free.
type Slots struct {
	Workers, PerEndpoint int
	// Taken is the number of slots in use, and Degraded how many of them endpoints took while they were degraded.
	Taken, Degraded int
}

// Take takes a slot. The same value of degraded has to be passed to Free.
func (s *Slots) Take(degraded bool) {
	s.Taken++
	if degraded {
		s.Degraded++
	}
}

// Free returns a slot.
func (s *Slots) Free(degraded bool) {
	s.Taken--
	if degraded {
		s.Degraded--
	}
}

// Full reports whether as many slots are in use as there are workers.
func (s *Slots) Full() bool { return s.Taken >= s.Workers }

// Limit returns how many slots an endpoint may have now. recent means that it has answered recently.
func (s *Slots) Limit(degraded, recent bool) int {
	spare := s.Workers - s.Workers/reserveShare - s.Taken
	limit := min(s.PerEndpoint, spare/2)
	if spare > 0 || recent {
		limit = max(1, limit)
	}
	if !degraded {
		return max(0, limit)
	}
	left := max(1, s.Workers/2) - s.Degraded
	if left <= 0 {
		return 0
	}
	return max(0, min(limit, max(1, left/4)))
}
