// Package linger delivers an early answer to a client that writes its whole request before it reads.
//
// A server that closes a connection with unread bytes in its receive buffer resets the connection. The reset discards an answer that the
// client has not read yet. The Handler therefore flushes the answer, and then reads and discards the rest of the body within bounds:
//
//	handler answers → flush → discard until the body ends or a limit of bytes, silence or time is reached → close
//
// A client that reads while it writes gets the answer at once. A body that is declared as larger than the limit is not read. net/http itself
// discards up to 256 KiB.
package linger

import (
	"net/http"
	"time"
)

// Options bound the rest of a body that is read after the answer.
type Options struct {
	// Bytes is the size of the largest body that is read to its end, counted from its first byte. Required.
	Bytes int64
	// Silence is the longest pause of the client. Defaults to 2 s.
	Silence time.Duration
	// Time is the longest time in which a body may arrive, counted from the end of the header. Defaults to 10 s.
	Time time.Duration
	// AtOnce is the largest number of bodies that are discarded at the same time. One more ends the oldest one. Defaults to 500.
	AtOnce int
}

const (
	// Beyond is how much larger than the largest body of a server's routes a body may be, in bytes, so that the rest of it is read and
	// the client can read the answer.
	Beyond = 2 << 20

	defaultSilence = 2 * time.Second
	defaultTime    = 10 * time.Second
	defaultAtOnce  = 500

	// chunk is the size of a read, in bytes.
	chunk = 16 << 10
)

// Handler wraps a handler. It must be the outermost handler, so that measurements of the answer do not include its reads.
type Handler struct {
	next    http.Handler
	options Options
	slots   *slots
}

// New makes a Handler. Zero options take their defaults.
func New(next http.Handler, o Options) *Handler {
	if o.Silence == 0 {
		o.Silence = defaultSilence
	}
	if o.Time == 0 {
		o.Time = defaultTime
	}
	if o.AtOnce == 0 {
		o.AtOnce = defaultAtOnce
	}
	return &Handler{next: next, options: o, slots: newSlots(o.AtOnce)}
}

// ServeHTTP calls the wrapped handler and then discards the rest of the body.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		h.next.ServeHTTP(w, r)
		return
	}
	deadline := time.Now().Add(h.options.Time)
	body := &counted{ReadCloser: r.Body}
	watched := *r // a copy, because net/http uses the body of its own request
	watched.Body = body
	h.next.ServeHTTP(w, &watched)
	if body.ended || r.ContentLength > h.options.Bytes {
		return
	}
	h.discard(w, body, deadline)
}

// discard reads the body until it ends or a limit is reached. net/http then closes the connection, unless it can read the body to its end.
func (h *Handler) discard(w http.ResponseWriter, body *counted, deadline time.Time) {
	control := http.NewResponseController(w)
	if control.Flush() != nil {
		return // the connection is gone
	}
	slot := h.slots.acquire(control)
	defer slot.release()
	buffer := make([]byte, chunk)
	for !body.ended && body.read <= h.options.Bytes {
		now := time.Now()
		if !now.Before(deadline) || !slot.setDeadline(earlier(now.Add(h.options.Silence), deadline)) {
			return
		}
		_, _ = body.Read(buffer) // an error ends the body
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
