package lifecycle

import "sync/atomic"

// Streak turns the results of repeated work into the two that are worth a log line: the first of several failures, and the first success
// after them. The zero value is ready for use, and a Streak is safe for concurrent use.
type Streak struct{ failing atomic.Bool }

// Note notes a result. It returns began for the first of several errors, and ended for the first success after them.
func (s *Streak) Note(err error) (began, ended bool) {
	failed := s.failing.Swap(err != nil)
	return err != nil && !failed, err == nil && failed
}
