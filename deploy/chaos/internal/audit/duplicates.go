package audit

import "time"

const (
	// lag is what it takes to put an attempt on record while nothing is in the way, on a busy machine.
	lag = 3 * time.Second
	// recovery is what it takes to get back to that, once the database is there again.
	recovery = 5 * time.Second
	// gone is how long after the signal a dead dispatcher's requests may still be read by the receiver.
	gone = 2 * time.Second
	// handling is how long a dispatcher can have a task before it sends what is due, and after it was answered, on a busy machine.
	handling = time.Second

	noDispatcher = -1
)

// duplicates checks that what was sent without need was in flight when something died. Each attempt that was open at a fault
// makes up for one send of the same delivery, and for no more.
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
			continue // it makes up for itself
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

// doubled says whether a second run can have come of an attempt that is on record: a dispatcher had it when the queue lost its
// task or was out of reach, or when the dispatcher itself was frozen. Neither a process that has died nor a database that is away
// is a reason: the one records nothing, and whoever waits for the other keeps its task.
func (c *check) doubled(r *Request, a *Attempt) bool {
	taken, done := c.takenBy(a.Started), c.doneBy(a.ended())
	for _, f := range c.Faults {
		open := false
		switch {
		case f.Of(RedisKilled, RedisFlushed, RedisPartitioned):
			open = taken.Before(f.Began)
		case f.Kind == DispatcherFrozen && f.Dispatcher == r.Dispatcher:
			open = a.Started.Before(f.Over.Add(stale)) // what it had loaded is sent when it goes on
		}
		if open && done.After(f.Began) {
			return true
		}
	}
	return false
}

// takenBy is the earliest at which a dispatcher can have taken the task of what it sent at a time: it holds on to it while the
// database is away.
func (h *History) takenBy(sent time.Time) time.Time {
	taken := sent.Add(-handling)
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) && f.Began.Before(sent) && f.Over.Add(recovery).After(sent) {
			if held := f.Began.Add(-handling); held.Before(taken) {
				taken = held
			}
		}
	}
	return taken
}

// doneBy is the latest at which a dispatcher has still to do with what was answered at a time: it keeps what it cannot record.
func (h *History) doneBy(answered time.Time) time.Time {
	done := answered.Add(handling)
	for _, f := range h.Faults {
		if f.Of(PostgresStopped, PostgresPartitioned) && f.Began.Before(done) && f.Over.After(answered) {
			done = f.Over.Add(recovery)
		}
	}
	return done
}

// superseded finds an attempt that nothing makes up for.
func (c *check) superseded(s *story, a *Attempt, open int) {
	by := c.recordedBy(a.ended(), noDispatcher)
	for _, f := range c.Faults {
		if f.Kind == DispatcherStopped && f.Began.Before(by) && f.Over.Add(lag).After(a.Started) {
			c.result.ByCleanStops++
			c.find("run twice by a clean stop", s.id, "attempt %d was superseded, and nothing but a clean stop was near", a.Number)
			return
		}
	}
	c.find("run twice", s.id, "attempt %d was superseded, and %d attempts of the delivery were open when a second run could come of it", a.Number, open)
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
