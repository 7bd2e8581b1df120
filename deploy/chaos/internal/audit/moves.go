package audit

import (
	"time"

	"redrive/pkg/webhook"
)

// moves checks that each change was made on the state before it. A delivery that has ended stays ended, and nothing is overwritten.
func (c *check) moves(s *story) {
	for i, a := range s.attempts {
		if a.Number != i+1 {
			c.find("attempts misnumbered", s.id, "attempt %d is number %d", i+1, a.Number)
		}
	}
	if s.row.AttemptCount != len(s.attempts) {
		c.find("attempts misnumbered", s.id, "%d are on record, and %d were counted", len(s.attempts), s.row.AttemptCount)
	}
	committed := s.committed()
	for i, a := range committed {
		if i == 0 {
			continue
		}
		before := committed[i-1]
		switch {
		case before.ends() && s.retried(before.ended(), a.Started):
		case before.ends():
			c.find("overwritten", s.id, "attempt %d ended it in %s, and attempt %d moved it again", before.Number, before.Outcome, a.Number)
		case a.Started.Before(before.ended().Add(-slip)):
			c.find("overwritten", s.id, "attempt %d was begun before attempt %d had decided, and counted all the same", a.Number, before.Number)
		}
	}
	c.follows(s, committed)
}

// follows checks that the row agrees with the last change.
func (c *check) follows(s *story, committed []*Attempt) {
	switch {
	case !s.ended():
		return // it is lost, which another rule reports
	case len(committed) == 0:
		if s.row.FailureReason == "" {
			c.find("row without a reason", s.id, "it is in %s, and no attempt decided that", s.row.Status)
		}
		return
	case s.row.FailureReason != "":
		return // it was ended without an attempt
	}
	last := committed[len(committed)-1]
	want := webhook.StatusFailure
	if last.Outcome == webhook.AttemptSuccess {
		want = webhook.StatusSuccess
	}
	switch {
	case s.row.LastAttempt != last.ID:
		c.find("row without a reason", s.id, "attempt %d decided last, and the row names another", last.Number)
	case s.row.Status != want || !last.ends():
		c.find("row without a reason", s.id, "it is in %s, and attempt %d did not decide that", s.row.Status, last.Number)
	case want == webhook.StatusFailure && (s.row.RetryCount != s.row.MaxRetries || len(committed) != (s.row.MaxRetries+1)*s.rounds(committed)):
		c.find("given up early", s.id, "after %d attempts, with %d of %d retries counted", len(committed), s.row.RetryCount, s.row.MaxRetries)
	}
}

// rounds is how often the delivery had all of its retries: a retry by hand gives it a fresh set.
func (s *story) rounds(committed []*Attempt) (rounds int) {
	for _, a := range committed {
		if a.ends() {
			rounds++
		}
	}
	return rounds
}

// handRetries checks that every retry that the API has confirmed was made: a delivery ends once more for each of them.
func (c *check) handRetries(s *story) {
	confirmed := 0
	for _, retry := range s.retries {
		if retry.Answered {
			confirmed++
		}
	}
	if ends := s.rounds(s.committed()); confirmed > 0 && s.ended() && s.row.FailureReason == "" && ends < confirmed+1 {
		c.find("retry not made", s.id, "the API confirmed %d retries, and attempts have ended it %d times", confirmed, ends)
	}
}

const (
	// slack is how early an attempt may start, because the queue stores whole seconds.
	slack = time.Second
	// stale is the largest age of a loaded row when it is sent, because a worker waits up to a second for a delivery that is early.
	stale = 2 * time.Second
)

// times checks that nothing was sent before its time, or after the end.
func (c *check) times(s *story) {
	for _, a := range s.attempts {
		if !a.committed() {
			continue
		}
		for _, r := range s.requests {
			if s.record[r] == a || c.knewNothing(s, a, r) {
				continue
			}
			if a.ends() && s.retried(a.ended(), s.started(r)) {
				continue
			}
			if a.ends() {
				c.find("sent after the end", s.id, "%s after attempt %d had ended it", r.Arrived.Sub(a.ended()).Round(time.Millisecond), a.Number)
				continue
			}
			due := a.Next
			if answered := s.of[a]; answered != nil && a.Status != 0 && answered.RetryAfter > 0 { // without a status the answer was lost
				if asked := answered.Answered.Add(answered.RetryAfter); asked.After(due) {
					due = asked
				}
			}
			if early := due.Sub(s.started(r)); early > slack {
				c.find("sent early", s.id, "%s before the time that attempt %d had set", early.Round(time.Millisecond), a.Number)
			}
		}
	}
}

// knewNothing reports whether the request may have been sent without knowledge of the attempt's outcome: before it, concurrently, or by a
// dispatcher that was suspended in between.
func (c *check) knewNothing(s *story, a *Attempt, r *Request) bool {
	sent := s.started(r)
	if other := s.record[r]; other != nil && other.committed() {
		return other.Number < a.Number || sent.Before(a.ended()) // otherwise it was decided on this state
	}
	if !sent.After(c.recordedBy(a.ended(), noDispatcher).Add(c.tolerated(stale))) {
		return true
	}
	for _, f := range c.Faults {
		if f.Kind == DispatcherFrozen && f.Dispatcher == r.Dispatcher && f.Began.Before(c.recordedBy(a.ended(), noDispatcher)) && sent.Before(f.Over.Add(c.tolerated(stale))) {
			return true
		}
	}
	return false
}
