package audit

import "time"

const (
	// lag is what it takes to put an attempt on record while nothing is in the way, on a busy machine.
	lag = 3 * time.Second
	// recovery is what it takes to get back to that, once the database is there again.
	recovery = 5 * time.Second
	// gone is how long after the signal a dead dispatcher's requests may still be read by the receiver.
	gone = 2 * time.Second
	// echo is how long after a fault two runs of one delivery can still come of it: a failed acknowledgement leads to a second
	// run about a minute later.
	echo = 75 * time.Second

	noDispatcher = -1
)

// duplicates checks that what was sent without need was in flight when something died.
func (c *check) duplicates(s *story) {
	for _, r := range s.requests {
		a := s.record[r]
		c.inFlight(r, a)
		switch {
		case a == nil:
			c.result.Duplicates++
			c.result.Unrecorded++
			c.unrecorded(s, r)
		case !a.committed():
			c.result.Duplicates++
			c.result.Superseded++
			c.superseded(s, a)
		}
	}
}

// unrecorded explains a request that is not on record: its dispatcher was killed with it, or the database was away.
func (c *check) unrecorded(s *story, r *Request) {
	answered := r.Answered
	if answered.IsZero() || r.Abandoned {
		answered = r.Arrived.Add(c.Timeout)
	}
	by := c.recordedBy(answered, r.Dispatcher)
	death := c.death(r)
	for _, f := range c.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) && f.Began.Before(by) && f.Over.After(r.Arrived) {
			c.held[r] = true
			if death.Kind != DispatcherKilled || death.Began.After(by) {
				return
			}
		}
	}
	switch {
	case death.Kind == DispatcherKilled && death.Began.Before(by):
		c.held[r] = true
		c.remade(s, r, death)
	case death.Kind == DispatcherStopped && death.Began.Before(by):
		c.result.ByCleanStops++
		c.find("cut short by a clean stop", s.id, "dispatcher %d sent it, was stopped, and did not put it on record", r.Dispatcher)
	default:
		c.find("request without a record", s.id, "nothing died while it was in flight: dispatcher %d sent it at %s, answered %d",
			r.Dispatcher, r.Arrived.Format(time.RFC3339Nano), r.Status)
	}
}

// remade notes how long it took until an orphaned attempt was made again.
func (c *check) remade(s *story, r *Request, death Fault) {
	for _, later := range s.requests {
		if later.Arrived.After(death.Began) && later != r && later.Receipt > r.Receipt {
			c.result.Remade = append(c.result.Remade, later.Arrived.Sub(death.Began))
			return
		}
	}
	// Nothing had to be made again if another run saw it to its end, and it is lost otherwise.
}

// death is how the process that sent the request ended; the zero Fault if it was still there at the end.
func (c *check) death(r *Request) Fault {
	for _, f := range c.Faults {
		if f.Of(DispatcherKilled, DispatcherStopped) && f.Dispatcher == r.Dispatcher && f.Over.After(r.Arrived) && r.Arrived.Before(f.Began.Add(gone)) {
			return f
		}
	}
	return Fault{}
}

// superseded explains an attempt that found its delivery moved: after the queue was emptied, or a worker was cut off from it or
// from the database, two runs of one delivery can overlap. A process that has died is no reason, for it records nothing.
func (c *check) superseded(s *story, a *Attempt) {
	by := c.recordedBy(a.ended(), noDispatcher)
	stopped := false
	for _, f := range c.Faults {
		near := f.Began.Before(by) && f.Over.Add(echo).After(a.Started)
		if near && f.Of(DispatcherFrozen, RedisKilled, RedisFlushed, RedisPartitioned, PostgresStopped, PostgresPartitioned) {
			return
		}
		stopped = stopped || near && f.Kind == DispatcherStopped
	}
	if stopped {
		c.result.ByCleanStops++
		c.find("run twice by a clean stop", s.id, "attempt %d was superseded, and nothing but a clean stop was near", a.Number)
		return
	}
	c.find("run twice", s.id, "attempt %d was superseded, and nothing was near that explains a second run", a.Number)
}

// recordedBy is when what ended at a time is on record at the latest, unless its process has died: later while the database is
// away, or the dispatcher frozen.
func (h *History) recordedBy(ended time.Time, dispatcher int) time.Time {
	by := ended.Add(lag)
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) || f.Kind == DispatcherFrozen && f.Dispatcher == dispatcher {
			if back := f.Over.Add(recovery); f.Began.Before(by) && back.After(by) {
				by = back
			}
		}
	}
	return by
}

// inFlight notes what was open, or answered and not yet on record, when something died that could make a second run of it.
func (c *check) inFlight(r *Request, a *Attempt) {
	until := r.Answered
	switch {
	case a != nil:
		until = a.ended()
	case until.IsZero():
		until = r.Arrived.Add(c.Timeout)
	}
	for _, f := range c.Faults {
		if f.Of(APIKilled, APIStopped, DispatcherStopped) || f.Of(DispatcherKilled, DispatcherFrozen) && f.Dispatcher != r.Dispatcher {
			continue
		}
		if f.Kind == DispatcherKilled && a != nil {
			continue // it was on record by then
		}
		if r.Arrived.Before(f.Began) && until.After(f.Began) {
			c.held[r] = true
		}
	}
}
