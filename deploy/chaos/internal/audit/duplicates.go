package audit

import "time"

const (
	// lag is the longest time to record an attempt without a fault, on a busy machine.
	lag = 3 * time.Second
	// recovery is the longest time until attempts are recorded again after the database is back.
	recovery = 5 * time.Second
	// gone is how long after the signal the receiver may still read requests of a killed dispatcher.
	gone = 2 * time.Second
	// handling is the longest time between taking a task and sending a due delivery, and between the answer and the end of the task, on a
	// busy machine.
	handling = time.Second

	noDispatcher = -1
)

// duplicates checks that every unnecessary send was in flight at a fault. Each attempt that was open at a fault explains one send of the
// same delivery, and no more.
func (c *check) duplicates(s *story) {
	var open []*Request
	var late []*Attempt
	for _, r := range s.requests {
		a := s.record[r]
		c.inFlight(r, a)
		switch {
		case a == nil:
			c.result.Duplicates++
			c.result.Unrecorded++
			c.unrecorded(s, r)
			continue // it explains itself
		case !a.committed():
			c.result.Duplicates++
			c.result.Superseded++
			late = append(late, a)
		}
		if c.doubled(r, a) {
			open = append(open, r)
		}
	}
	for i, a := range late {
		if i < len(open) {
			c.held[open[i]] = true
			continue
		}
		c.superseded(s, a, len(open))
	}
}

// unrecorded explains a request without a recorded attempt: its dispatcher was killed, or the database was unavailable.
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

// remade records the time until an orphaned attempt was repeated.
func (c *check) remade(s *story, r *Request, death Fault) {
	for _, later := range s.requests {
		if later.Arrived.After(death.Began) && later != r && later.Receipt > r.Receipt {
			c.result.Remade = append(c.result.Remade, later.Arrived.Sub(death.Began))
			return
		}
	}
	// If another run completed it, no repetition was needed. Otherwise it is lost.
}

// death returns how the process that sent the request ended, or the zero Fault if it ran until the end.
func (c *check) death(r *Request) Fault {
	for _, late := range []time.Duration{0, c.tolerated(gone) - gone} { // a busy receiver can read a request after the next process was started
		for _, f := range c.Faults {
			if f.Of(DispatcherKilled, DispatcherStopped) && f.Dispatcher == r.Dispatcher && f.Over.Add(late).After(r.Arrived) && r.Arrived.Before(f.Began.Add(gone+late)) {
				return f
			}
		}
	}
	return Fault{}
}

// doubled reports whether a recorded attempt can have caused a second run. The dispatcher had it when the queue lost its task or was
// unavailable, or the dispatcher was suspended. A killed process and an unavailable database are no reasons: the first records nothing, and
// a dispatcher that waits for the second keeps its task.
func (c *check) doubled(r *Request, a *Attempt) bool {
	taken, done := c.takenBy(a.Started), c.doneBy(a.ended())
	for _, f := range c.Faults {
		open := false
		switch {
		case f.Of(RedisKilled, RedisFlushed, RedisPartitioned, RedisSwitchedOver):
			open = taken.Before(f.lostUntil())
		case f.Kind == DispatcherFrozen && f.Dispatcher == r.Dispatcher:
			open = a.Started.Before(f.Over.Add(c.tolerated(stale))) // a suspended dispatcher sends the loaded delivery after it is resumed
		}
		if open && done.After(f.Began) {
			return true
		}
	}
	return false
}

// takenBy returns the earliest time at which a dispatcher can have taken the task of a request. It keeps the task while the database is
// unavailable.
func (h *History) takenBy(sent time.Time) time.Time {
	taken := sent.Add(-h.tolerated(handling))
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) && f.Began.Before(sent) && f.Over.Add(h.tolerated(recovery)).After(sent) {
			if held := f.Began.Add(-h.tolerated(handling)); held.Before(taken) {
				taken = held
			}
		}
	}
	return taken
}

// doneBy returns the latest time at which a dispatcher can have the task of a request that was answered at a time. It keeps outcomes that
// it cannot record.
func (h *History) doneBy(answered time.Time) time.Time {
	done := answered.Add(h.tolerated(handling))
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) && f.Began.Before(done) && f.Over.After(answered) {
			done = f.Over.Add(h.tolerated(recovery))
		}
	}
	return done
}

// superseded finds an attempt that nothing explains.
func (c *check) superseded(s *story, a *Attempt, open int) {
	by := c.recordedBy(a.ended(), noDispatcher)
	for _, f := range c.Faults {
		if f.Kind == DispatcherStopped && f.Began.Before(by) && f.Over.Add(c.tolerated(lag)).After(a.Started) {
			c.result.ByCleanStops++
			c.find("run twice by a clean stop", s.id, "attempt %d was superseded, and nothing but a clean stop was near", a.Number)
			return
		}
	}
	c.find("run twice", s.id, "attempt %d was superseded, and %d attempts of the delivery were open when a second run could come of it", a.Number, open)
}

// recordedBy returns the latest time at which a request that ended at a time is recorded, unless its process was killed. It is later while
// the database is unavailable or the dispatcher is suspended.
func (h *History) recordedBy(ended time.Time, dispatcher int) time.Time {
	by := ended.Add(h.tolerated(lag))
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) || f.Kind == DispatcherFrozen && f.Dispatcher == dispatcher {
			if back := f.Over.Add(h.tolerated(recovery)); f.Began.Before(by) && back.After(by) {
				by = back
			}
		}
	}
	return by
}

// inFlight counts the requests that were open, or answered and not yet recorded, at a fault that can have caused a second run.
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
			continue // it was recorded by then
		}
		if r.Arrived.Before(f.lostUntil()) && until.After(f.Began) {
			c.held[r] = true
		}
	}
}
