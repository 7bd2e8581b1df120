package worker

import "sync/atomic"

// streak is whether the last call failed. It is safe for concurrent use.
type streak struct{ failing atomic.Bool }

// first reports whether err is the first of several errors: an outage fails the tasks of all workers, and is logged once.
func (s *streak) first(err error) bool {
	if err == nil {
		s.failing.Store(false)
		return false
	}
	return !s.failing.Swap(true)
}
