package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/signing"
)

// The paths of the receiver.
const (
	pathOK    = "/ok"
	pathFlaky = "/flaky" // 500 until it is healed
	pathHang  = "/hang"  // no answer until the sender times out
	pathSlow  = "/slow"  // an answer after slowAnswer
)

// slowAnswer is how long the receiver takes at pathSlow.
const slowAnswer = 50 * time.Millisecond

// receiver is the destination of the webhooks. It records when each one first arrived. Requests to the hanging path are only counted.
type receiver struct {
	server  *lifecycle.Server
	failing atomic.Bool
	hanging atomic.Int64

	mu       sync.Mutex
	arrivals map[string]time.Time // by webhook-id
	requests int
	target   int
	reached  chan struct{} // closed when the expected number has arrived
}

func startReceiver() (*receiver, error) {
	r := &receiver{}
	r.expect(0)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathOK, func(w http.ResponseWriter, q *http.Request) { r.take(w, q, http.StatusOK) })
	mux.HandleFunc("POST "+pathFlaky, func(w http.ResponseWriter, q *http.Request) {
		status := http.StatusOK
		if r.failing.Load() {
			status = http.StatusInternalServerError
		}
		r.take(w, q, status)
	})
	mux.HandleFunc("POST "+pathSlow, func(w http.ResponseWriter, q *http.Request) {
		_ = lifecycle.Sleep(q.Context(), slowAnswer) // the sender has gone if it ends early
		r.take(w, q, http.StatusOK)
	})
	mux.HandleFunc("POST "+pathHang, func(_ http.ResponseWriter, q *http.Request) {
		r.hanging.Add(1)
		defer r.hanging.Add(-1)
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done()
	})
	var err error
	r.server, err = lifecycle.NewServer("127.0.0.1:0", &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute})
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	r.server.Start()
	return r, nil
}

func (r *receiver) url(path string) string { return "http://" + r.server.Addr() + path }

func (r *receiver) take(w http.ResponseWriter, q *http.Request, status int) {
	at := time.Now()
	_, _ = io.Copy(io.Discard, q.Body)
	r.note(q.Header.Get(signing.HeaderID), at)
	w.WriteHeader(status)
}

func (r *receiver) note(id string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if _, known := r.arrivals[id]; known {
		return
	}
	r.arrivals[id] = at
	if len(r.arrivals) == r.target {
		close(r.reached)
	}
}

// expect clears the record and sets the number of different webhooks to wait for.
func (r *receiver) expect(count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.arrivals = make(map[string]time.Time, count)
	r.requests, r.target, r.reached = 0, count, make(chan struct{})
}

// await returns when all expected webhooks have arrived.
func (r *receiver) await(ctx context.Context, patience time.Duration) error {
	r.mu.Lock()
	reached := r.reached
	r.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-reached:
		return nil
	case <-timer.C:
		return fmt.Errorf("%d of %d webhooks have arrived after %s", r.count(), r.target, patience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrivals)
}

// arrival returns when a webhook first arrived.
func (r *receiver) arrival(id string) (at time.Time, arrived bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, arrived = r.arrivals[id]
	return at, arrived
}

// first returns when the first webhook arrived.
func (r *receiver) first() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var first time.Time
	for _, at := range r.arrivals {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

func (r *receiver) stop(ctx context.Context) error { return r.server.Stop(ctx) }
