package linger

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// slots bounds the connections whose bodies are discarded at the same time. A new connection takes the slot of the oldest one if all are in
// use. A client that sends at full speed needs a slot for milliseconds, so that slow clients cannot occupy all slots.
type slots struct {
	capacity int

	mutex sync.Mutex
	used  *list.List // of *slot, the oldest first
}

// slot is the slot of one connection.
type slot struct {
	slots   *slots
	control *http.ResponseController
	element *list.Element // nil after the slot was lost or released
}

func newSlots(capacity int) *slots { return &slots{capacity: capacity, used: list.New()} }

// acquire takes a slot for a connection. If all are in use, the oldest one is taken away from its connection, whose read ends.
func (s *slots) acquire(control *http.ResponseController) *slot {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.used.Len() >= s.capacity {
		if oldest, ok := s.used.Front().Value.(*slot); ok {
			s.remove(oldest)
			_ = oldest.control.SetReadDeadline(time.Unix(1, 0)) // an error means that the connection is gone
		}
	}
	acquired := &slot{slots: s, control: control}
	acquired.element = s.used.PushBack(acquired)
	return acquired
}

// release frees the slot.
func (s *slot) release() {
	s.slots.mutex.Lock()
	defer s.slots.mutex.Unlock()
	s.slots.remove(s)
}

func (s *slots) remove(slot *slot) {
	if slot.element != nil {
		s.used.Remove(slot.element)
		slot.element = nil
	}
}

// setDeadline sets the deadline of reads. It returns false if the slot was lost or the connection is gone.
func (s *slot) setDeadline(deadline time.Time) bool {
	s.slots.mutex.Lock()
	defer s.slots.mutex.Unlock()
	return s.element != nil && s.control.SetReadDeadline(deadline) == nil
}
