package receiver

import (
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// Requests returns the requests so far, in order.
func (r *Receiver) Requests() []audit.Request {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	requests := make([]audit.Request, len(r.requests))
	for i, request := range r.requests {
		requests[i] = *request
	}
	return requests
}

// Count returns the number of requests so far.
func (r *Receiver) Count() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.requests)
}

// SeenAfter reports whether a request has arrived after a time.
func (r *Receiver) SeenAfter(at time.Time) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.latest.After(at)
}
