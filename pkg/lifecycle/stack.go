// Package lifecycle starts and stops the parts of a process: what is bound in New serves after Start, and Stop unwinds what
// was started, last in, first out, within a deadline and as often as it is called.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Stack remembers how to stop what was started. The zero Stack is ready to use.
type Stack struct {
	mutex sync.Mutex
	stops []stop
}

type stop struct {
	name string
	do   func(context.Context) error
}

// Push adds something to be stopped before all that was pushed earlier.
func (s *Stack) Push(name string, do func(context.Context) error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stops = append(s.stops, stop{name, do})
}

// Unwind stops everything, in the reverse order of Push. One failure keeps no other part from being stopped. A second call
// has to do with those that failed alone: what did not end in time is waited for again.
func (s *Stack) Unwind(ctx context.Context) error {
	s.mutex.Lock()
	stops := s.stops
	s.stops = nil
	s.mutex.Unlock()

	var failures []error
	var failed []stop
	for _, part := range slices.Backward(stops) {
		if err := part.do(ctx); err != nil {
			failures = append(failures, fmt.Errorf("stop %s: %w", part.name, err))
			failed = append(failed, part)
		}
	}
	slices.Reverse(failed)
	s.mutex.Lock()
	s.stops = append(failed, s.stops...)
	s.mutex.Unlock()
	return errors.Join(failures...)
}
