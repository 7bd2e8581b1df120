package receiver

import (
	"context"
	"sync"

	"redrive/deploy/chaos/internal/audit"
)

// Hold delays the answers to the first requests of some deliveries until it is released.
type Hold struct {
	dispatcher int
	limit      int
	full       chan struct{} // closed when limit requests are held
	released   chan struct{}
	release    sync.Once
	held       []string // guarded by the receiver
}

// Hold holds the next requests of a dispatcher, up to a number of them, if they are the first of their deliveries.
func (r *Receiver) Hold(dispatcher, limit int) *Hold {
	h := &Hold{dispatcher: dispatcher, limit: limit, full: make(chan struct{}), released: make(chan struct{})}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.hold = h
	return h
}

// Full is closed when the given number of requests is held.
func (h *Hold) Full() <-chan struct{} { return h.full }

// Held returns the deliveries whose requests are held, once Full is closed.
func (h *Hold) Held() []string { return h.held }

// Release sends the answers. It may be called again.
func (h *Hold) Release() { h.release.Do(func() { close(h.released) }) }

// take is called with the receiver locked.
func (h *Hold) take(seen *audit.Request, nth int) *Hold {
	if h == nil || nth > 0 || seen.Dispatcher != h.dispatcher || len(h.held) >= h.limit {
		return nil
	}
	h.held = append(h.held, seen.Delivery)
	if len(h.held) == h.limit {
		close(h.full)
	}
	return h
}

func (h *Hold) wait(ctx context.Context) {
	if h == nil {
		return
	}
	select {
	case <-h.released:
	case <-ctx.Done():
	}
}
