// Package lifecycle starts and stops the parts of a process. A part binds its address when it is made and serves after Start. Parts are
// stopped in the reverse order of their start, within a deadline. Stopping is safe before Start and any number of times.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Stack records how to stop the parts that were started. The zero Stack is ready to use. It is safe for concurrent use.
type Stack struct {
	mutex sync.Mutex
	stops []stop
}

type stop struct {
	name string
	do   func(context.Context) error
}

// Push adds a part. Unwind stops it with do, before all parts that were pushed earlier. The name appears in errors.
func (s *Stack) Push(name string, do func(context.Context) error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.stops = append(s.stops, stop{name, do})
}

// Unwind stops all parts in the reverse order of Push. If a part fails, Unwind still stops the others, and returns all errors joined. A
// further call stops only the parts that failed before, for example because they did not end before ctx did.
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
