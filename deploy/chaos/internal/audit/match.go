package audit

import (
	"fmt"
	"time"
)

// slip is the largest difference between the times that two processes of one machine record for one event.
const slip = 250 * time.Millisecond

// match pairs each recorded attempt with its request, and reports where they differ.
func (c *check) match(s *story) {
	for _, a := range s.attempts {
		if a.Status != 0 {
			c.matchAnswered(s, a)
		}
	}
	for _, a := range s.attempts {
		if a.Status == 0 {
			c.matchUnanswered(s, a)
		}
	}
}

// matchAnswered matches by the receipt, which the answer carried.
func (c *check) matchAnswered(s *story, a *Attempt) {
	if a.Receipt <= 0 || a.Receipt > int64(len(c.Requests)) {
		c.find("record without a request", s.id, "attempt %d says %d, and the receiver gave no such answer", a.Number, a.Status)
		return
	}
	r := &c.Requests[a.Receipt-1]
	switch {
	case r.Delivery != a.Delivery:
		c.find("record disagrees", s.id, "attempt %d has the answer that was given to %s", a.Number, r.Delivery)
	case s.record[r] != nil:
		c.find("recorded twice", s.id, "attempts %d and %d are one request", s.record[r].Number, a.Number)
	case r.Status != a.Status:
		c.find("record disagrees", s.id, "attempt %d says %d, and the receiver answered %d", a.Number, a.Status, r.Status)
	default:
		s.pair(a, r)
	}
}

// matchUnanswered matches by the time, because there is no receipt. An answer that came after the dispatcher's timeout does not count as an
// answer.
func (c *check) matchUnanswered(s *story, a *Attempt) {
	frozen := c.frozen(a.Started, a.ended())
	margin := c.tolerated(slip)
	arrived := a.ended().Add(margin)
	if cut, until := c.unreachable(a.Started, a.ended()); cut {
		frozen, arrived = true, until
	}
	for _, r := range s.requests {
		if s.record[r] != nil || r.Timestamp != a.Started.Unix() || r.Arrived.Before(a.Started.Add(-margin)) || r.Arrived.After(arrived) {
			continue
		}
		late := r.Answered.IsZero() || r.Abandoned || r.Answered.After(a.Started.Add(c.Timeout-margin)) || frozen
		if r.Status != 0 && !late {
			c.find("record disagrees", s.id, "attempt %d says that there was no answer, and the receiver answered %d", a.Number, r.Status)
		}
		s.pair(a, r)
		return
	}
	if !frozen { // it may have timed out before it had a connection
		c.find("record without a request", s.id, "attempt %d had no answer, and the receiver no request", a.Number)
	}
}

func (s *story) pair(a *Attempt, r *Request) {
	s.of[a], s.record[r] = r, a
}

// overlaps reports whether a fault lasted at some time in between.
func (c *check) overlaps(f Fault, from, to time.Time) bool {
	margin := c.tolerated(slip)
	return f.Began.Before(to.Add(margin)) && f.Over.After(from.Add(-margin))
}

// frozen reports whether any dispatcher was suspended at some time in between.
func (c *check) frozen(from, to time.Time) bool {
	for _, f := range c.Faults {
		if f.Kind == DispatcherFrozen && c.overlaps(f, from, to) {
			return true
		}
	}
	return false
}

// retransmission is how long after a partition a packet may arrive that was sent during it.
const retransmission = time.Minute

// unreachable reports whether any dispatcher was disconnected from the receivers at some time in between, and until when a request of that
// time can arrive.
func (c *check) unreachable(from, to time.Time) (cut bool, until time.Time) {
	for _, f := range c.Faults {
		if f.Kind == ReceiversPartitioned && c.overlaps(f, from, to) {
			return true, f.Over.Add(retransmission)
		}
	}
	return false, time.Time{}
}

func (c *check) find(rule, delivery, detail string, args ...any) {
	c.result.Findings = append(c.result.Findings, Finding{Rule: rule, Delivery: delivery, Detail: fmt.Sprintf(detail, args...)})
}
