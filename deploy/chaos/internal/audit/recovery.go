package audit

import "time"

// Recovery is what followed a fault.
type Recovery struct {
	Fault
	// Waiting is the deliveries that waited when it was over, First and Last how long after it, or after they were due, the
	// first and the last of them was sent.
	Waiting     int
	First, Last time.Duration
	// Meanwhile is how many requests arrived while the server was down, but for the first second.
	Meanwhile int
}

// recoveries looks at the faults of the servers that everything depends on.
func (c *check) recoveries(stories map[string]*story) []Recovery {
	var recoveries []Recovery
	for _, f := range c.Faults {
		if !f.Of(RedisKilled, RedisFlushed, RedisPartitioned, PostgresStopped, PostgresPartitioned) {
			continue
		}
		recovered := Recovery{Fault: f}
		for i := range c.Requests {
			if arrived := c.Requests[i].Arrived; arrived.After(f.Began.Add(time.Second)) && arrived.Before(f.Down) {
				recovered.Meanwhile++
			}
		}
		for _, s := range stories {
			sent, due, waited := s.sentAfter(f.Over)
			if !waited {
				continue
			}
			if first := sent.Sub(f.Over); recovered.Waiting == 0 || first < recovered.First {
				recovered.First = first
			}
			recovered.Waiting++
			recovered.Last = max(recovered.Last, sent.Sub(due))
		}
		recoveries = append(recoveries, recovered)
	}
	return recoveries
}

// sentAfter is the first time that the delivery was sent after a time at which it waited, and since when it had been due then.
func (s *story) sentAfter(at time.Time) (sent, due time.Time, waited bool) {
	if s.row == nil || s.row.Created.After(at) {
		return sent, due, false
	}
	due = at
	for _, a := range s.attempts {
		if !a.committed() || a.ended().After(at) {
			continue
		}
		if a.ends() {
			return sent, due, false
		}
		if a.Next.After(due) {
			due = a.Next
		}
	}
	for _, r := range s.requests {
		if r.Arrived.After(at) {
			return r.Arrived, due, true
		}
	}
	return sent, due, false
}
