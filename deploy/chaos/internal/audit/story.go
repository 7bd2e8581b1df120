package audit

import (
	"cmp"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// story is the complete record of one delivery.
type story struct {
	id       string
	row      *Delivery
	attempts []*Attempt // by number
	requests []*Request // as they arrived
	retries  []*Retry
	of       map[*Attempt]*Request
	record   map[*Request]*Attempt
}

func (h *History) stories() map[string]*story {
	stories := make(map[string]*story, len(h.Deliveries))
	get := func(id string) *story {
		s := stories[id]
		if s == nil {
			s = &story{id: id, of: map[*Attempt]*Request{}, record: map[*Request]*Attempt{}}
			stories[id] = s
		}
		return s
	}
	for i := range h.Deliveries {
		get(h.Deliveries[i].ID).row = &h.Deliveries[i]
	}
	for i := range h.Attempts {
		s := get(h.Attempts[i].Delivery)
		s.attempts = append(s.attempts, &h.Attempts[i])
	}
	for i := range h.Requests {
		s := get(h.Requests[i].Delivery)
		s.requests = append(s.requests, &h.Requests[i])
	}
	for i := range h.Retries {
		s := get(h.Retries[i].Delivery)
		s.retries = append(s.retries, &h.Retries[i])
	}
	for _, s := range stories {
		slices.SortFunc(s.attempts, func(a, b *Attempt) int { return cmp.Compare(a.Number, b.Number) })
		slices.SortFunc(s.requests, func(a, b *Request) int { return a.Arrived.Compare(b.Arrived) })
	}
	return stories
}

// committed returns the attempts that changed the delivery.
func (s *story) committed() []*Attempt {
	return slices.DeleteFunc(slices.Clone(s.attempts), func(a *Attempt) bool { return !a.committed() })
}

func (s *story) ended() bool { return s.row != nil && !s.row.Status.Waiting() }

// retried reports whether a retry by hand may have been made between two times.
func (s *story) retried(from, to time.Time) bool {
	return slices.ContainsFunc(s.retries, func(r *Retry) bool { return r.Ended.After(from) && r.Began.Before(to) })
}

// started returns when a request was sent, as exactly as is known.
func (s *story) started(r *Request) time.Time {
	if a := s.record[r]; a != nil {
		return a.Started
	}
	return r.Arrived
}

// endedRight reports whether the delivery ended as its receiver determined, and otherwise how it ended.
func (h *History) endedRight(s *story) (right bool, found string) {
	switch {
	case s == nil || s.row == nil:
		return false, "accepted, and not in the database"
	case !s.ended():
		return false, "still " + string(s.row.Status)
	case h.Fails(s.id) && s.row.Status != webhook.StatusFailure:
		return false, "ended in success, and its receiver never took it"
	case !h.Fails(s.id) && s.row.Status != webhook.StatusSuccess:
		return false, "ended in failure, and its receiver would have taken it: " + string(s.row.FailureReason)
	}
	return true, ""
}
