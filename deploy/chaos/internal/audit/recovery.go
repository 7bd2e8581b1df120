package audit

import "time"

// Recovery is the recovery after a fault.
type Recovery struct {
	Fault
	// Waiting is the number of deliveries that waited at the end of the fault. Last is the time from then, or from their due time, to the
	// last of their sends.
	Waiting int
	Last    time.Duration
	// Unheld is the number of those that no dispatcher had, so that only the queue could deliver them. First is the time until the first of
	// these was sent, without the time of later faults. A delivery that a worker has shows nothing about a lost queue.
	Unheld int
	First  time.Duration
	// Meanwhile is the number of requests that arrived while the database was down, after every dispatcher could have detected it.
	Meanwhile int
}

const (
	// unaware is how long a dispatcher may take to detect that its database is down. It may have loaded a delivery that is due within a
	// second, and wait for it.
	unaware = 1500 * time.Millisecond
	// enqueueing is how long an API request may retry Redis. A delivery that was accepted that long before the end of the fault is not in
	// the queue.
	enqueueing = 250 * time.Millisecond
)

// recoveries examines the faults of PostgreSQL and Redis.
func (c *check) recoveries(stories map[string]*story) []Recovery {
	var recoveries []Recovery
	for _, f := range c.Faults {
		if !f.ofServer() {
			continue
		}
		recovered := Recovery{Fault: f, Meanwhile: c.meanwhile(f)}
		for _, s := range stories {
			sent, due, waited := s.sentAfter(f.Over)
			if !waited {
				continue
			}
			recovered.Waiting++
			recovered.Last = max(recovered.Last, sent.Sub(due))
			if !c.unheld(s, f, sent) {
				continue
			}
			if first := c.waited(due, sent); recovered.Unheld == 0 || first < recovered.First {
				recovered.First = first
			}
			recovered.Unheld++
		}
		recoveries = append(recoveries, recovered)
	}
	return recoveries
}

func (f Fault) ofServer() bool {
	return f.Of(RedisKilled, RedisFlushed, RedisPartitioned, RedisSwitchedOver, PostgresStopped, PostgresPartitioned)
}

// waited returns the time between two times without the periods in which a server was unavailable.
func (c *check) waited(from, to time.Time) time.Duration {
	waited := to.Sub(from)
	for _, f := range c.Faults {
		if f.ofServer() && f.Began.After(from) && f.Over.Before(to) {
			waited -= f.Over.Sub(f.Began)
		}
	}
	return waited
}

func (c *check) meanwhile(f Fault) (sent int) {
	if f.Kind != PostgresStopped {
		return 0
	}
	for i := range c.Requests {
		if arrived := c.Requests[i].Arrived; arrived.After(f.Began.Add(unaware)) && arrived.Before(f.Down) {
			sent++
		}
	}
	return sent
}

// unheld reports whether no dispatcher had the delivery when the fault began. If the fault empties the queue, its task was lost.
func (c *check) unheld(s *story, f Fault, sent time.Time) bool {
	for _, r := range s.requests {
		if r.Arrived.Before(f.Over) && c.doneWith(s, r).After(f.Began) {
			return false
		}
	}
	if f.Of(RedisKilled, RedisFlushed) && s.row.Created.After(f.lost().Add(-enqueueing)) {
		return false // enqueued when the queue was available
	}
	due := s.dueAt(f.Began)
	return due.Add(-slack).After(f.Began) || sent.After(f.Began.Add(handling))
}

// doneWith returns the time at which a dispatcher had certainly completed a request.
func (c *check) doneWith(s *story, r *Request) time.Time {
	if a := s.record[r]; a != nil {
		return c.doneBy(a.ended())
	}
	return r.Arrived.Add(c.Timeout)
}

// lost returns the time until which a task that is enqueued is certainly lost.
func (f Fault) lost() time.Time {
	if f.Down.IsZero() {
		return f.Began
	}
	return f.Down
}

// sentAfter returns the first send of the delivery after a time at which it waited, and its due time.
func (s *story) sentAfter(at time.Time) (sent, due time.Time, waited bool) {
	if s.row == nil || s.row.Created.After(at) {
		return sent, due, false
	}
	for _, a := range s.attempts {
		if a.ends() && !a.ended().After(at) {
			return sent, due, false
		}
	}
	if due = s.dueAt(at); due.Before(at) {
		due = at
	}
	for _, r := range s.requests {
		if r.Arrived.After(at) {
			return r.Arrived, due, true
		}
	}
	return sent, due, false
}

// dueAt returns when the delivery was due, by the changes until a time.
func (s *story) dueAt(at time.Time) time.Time {
	due := s.row.Created
	for _, a := range s.attempts {
		if a.committed() && !a.ended().After(at) && a.Next.After(due) {
			due = a.Next
		}
	}
	return due
}
