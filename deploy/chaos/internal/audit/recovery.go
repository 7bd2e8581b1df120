package audit

import "time"

// Recovery is what followed a fault.
type Recovery struct {
	Fault
	// Waiting is the deliveries that waited when it was over, and Last how long after that, or after they were due, the last of
	// them was sent.
	Waiting int
	Last    time.Duration
	// Unheld is those of them that no dispatcher had in its hands: only the queue could bring them back. First is how long it
	// took until the first of these was sent, but for the time that a later fault took. What a worker holds goes on by itself, and
	// says nothing of a queue that was lost.
	Unheld int
	First  time.Duration
	// Meanwhile is how many requests arrived while the database was down, once every dispatcher could know of it.
	Meanwhile int
}

const (
	// unaware is how long a dispatcher may take to notice that its database is down: what it has loaded can be due within a
	// second, and is waited for.
	unaware = 1500 * time.Millisecond
	// enqueueing is how long a request of the API may go on to try Redis: what was accepted that long before Redis was back is
	// not in the queue.
	enqueueing = 250 * time.Millisecond
)

// recoveries looks at the faults of the servers that everything depends on.
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
	return f.Of(RedisKilled, RedisFlushed, RedisPartitioned, PostgresStopped, PostgresPartitioned)
}

// waited is the time between, but for what a server was away for meanwhile: nobody can recover then.
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

// unheld says whether no dispatcher had the delivery when the fault began, and what was queued of it, if anything, was lost if the
// fault was one that loses it.
func (c *check) unheld(s *story, f Fault, sent time.Time) bool {
	for _, r := range s.requests {
		if r.Arrived.Before(f.Over) && c.doneWith(s, r).After(f.Began) {
			return false
		}
	}
	if f.Of(RedisKilled, RedisFlushed) && s.row.Created.After(f.lost().Add(-enqueueing)) {
		return false // enqueued when there was something to enqueue it in
	}
	due := s.dueAt(f.Began)
	return due.Add(-slack).After(f.Began) || sent.After(f.Began.Add(handling))
}

// doneWith is when a dispatcher had nothing to do with a request any more.
func (c *check) doneWith(s *story, r *Request) time.Time {
	if a := s.record[r]; a != nil {
		return c.doneBy(a.ended())
	}
	return r.Arrived.Add(c.Timeout)
}

// lost is until when what is enqueued is lost for certain.
func (f Fault) lost() time.Time {
	if f.Down.IsZero() {
		return f.Began
	}
	return f.Down
}

// sentAfter is the first time that the delivery was sent after a time at which it waited, and since when it had been due then.
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

// dueAt is when the delivery was due, by what had been decided at a time.
func (s *story) dueAt(at time.Time) time.Time {
	due := s.row.Created
	for _, a := range s.attempts {
		if a.committed() && !a.ended().After(at) && a.Next.After(due) {
			due = a.Next
		}
	}
	return due
}
