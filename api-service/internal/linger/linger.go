// Package linger lets an early answer reach a client that writes its whole request before it reads.
//
// A server that closes a connection with unread bytes in its receive buffer resets the connection, and a reset discards the answer
// that the client has not read yet. The Handler therefore flushes the answer and then reads and discards what the client still
// sends, within bounds:
//
//	handler answers → flush → discard until the body ends │ the limit of bytes, of silence or of time is reached → close
//
// The answer is sent first. A client that reads while it writes stops at once. A body that is declared to be larger than the limit
// is not read at all. net/http itself discards at most 256 KiB.
package linger

import (
	"net/http"
	"time"
)

// Options bound what is read of a request that has been answered.
type Options struct {
	// Bytes is the largest request body that is read to its end, counted from its first byte. Required.
	Bytes int64
	// Silence is how long the client may send nothing. Defaults to 2 s.
	Silence time.Duration
	// Time is how long a request may take to arrive, counted from the end of its header. Defaults to 10 s.
	Time time.Duration
	// AtOnce is how many bodies are discarded at the same time. One more ends the discarding that began first. Defaults to 500.
	AtOnce int
}

const (
	defaultSilence = 2 * time.Second
	defaultTime    = 10 * time.Second
	defaultAtOnce  = 500

	// chunk is the size of a read, in bytes.
	chunk = 16 << 10
)

// Handler wraps a handler. It is the outermost one, so that its reading is in no measurement of the answer.
type Handler struct {
	next    http.Handler
	options Options
	crowd   *crowd
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
	return &Handler{next: next, options: o, crowd: newCrowd(o.AtOnce)}
}

// ServeHTTP answers a request and then discards the rest of its body.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		h.next.ServeHTTP(w, r)
		return
	}
	deadline := time.Now().Add(h.options.Time)
	body := &counted{ReadCloser: r.Body}
	watched := *r // net/http looks at the body of its own request
	watched.Body = body
	h.next.ServeHTTP(w, &watched)
	if body.ended || r.ContentLength > h.options.Bytes {
		return
	}
	h.discard(w, body, deadline)
}

// discard reads the body until it ends or a limit is reached. net/http closes the connection afterwards, unless it has read the body
// to its end by itself.
func (h *Handler) discard(w http.ResponseWriter, body *counted, deadline time.Time) {
	control := http.NewResponseController(w)
	if control.Flush() != nil {
		return // the connection is gone
	}
	place := h.crowd.enter(control)
	defer h.crowd.leave(place)
	buffer := make([]byte, chunk)
	for !body.ended && body.read <= h.options.Bytes {
		now := time.Now()
		if !now.Before(deadline) || !place.waitUntil(earlier(now.Add(h.options.Silence), deadline)) {
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
