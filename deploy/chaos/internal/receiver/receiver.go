// Package receiver simulates the customers' servers of a chaos run. A hash of a delivery's ID determines the answers. Every signature is
// verified, and every complete request is recorded with its answer.
package receiver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/pkg/signing"
)

// ReceiptHeader carries a unique number, so that a recorded attempt names its request.
const ReceiptHeader = "X-Receipt"

// userAgent is the prefix of a dispatcher's User-Agent, before its version.
const userAgent = "Redrive/"

// Version returns the version of the dispatcher with a number, by which the receiver identifies the sender of a request.
func Version(dispatcher int) string { return fmt.Sprintf("chaos.%d", dispatcher) }

const headerTimeout = 10 * time.Second

// Receiver is safe for concurrent use.
type Receiver struct {
	options Options
	server  *http.Server
	addr    string
	served  chan error

	mutex    sync.Mutex
	keys     map[string]signing.Key // by path
	seen     map[string]int         // requests of each delivery
	requests []*audit.Request
	hold     *Hold
	latest   time.Time
}

// Options of a Receiver.
type Options struct {
	// Think is the average time for an answer: any time up to twice as long, so that requests are in flight at a fault.
	Think time.Duration
	// Host is the address to listen on. Defaults to loopback.
	Host string
	// Sender returns the number of the dispatcher that sent a request. Defaults to the number in the version that it names.
	Sender func(*http.Request) int
	// Anonymous attributes every request to dispatcher 0, independently of its version.
	Anonymous bool
}

// New starts a receiver on a free port.
func New(o Options) (*Receiver, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(cmp.Or(o.Host, "127.0.0.1"), "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	r := &Receiver{
		options: o, addr: listener.Addr().String(), served: make(chan error, 1), keys: map[string]signing.Key{}, seen: map[string]int{},
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: headerTimeout}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// Addr returns the address of the receiver.
func (r *Receiver) Addr() string { return r.addr }

// URL returns the URL of the endpoint with a path.
func (r *Receiver) URL(path string) string { return "http://" + r.addr + path }

// Trust sets the key that verifies the requests to a path.
func (r *Receiver) Trust(path string, key signing.Key) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.keys[path] = key
}

// Close ends the receiver and every open request.
func (r *Receiver) Close() error {
	err := r.server.Close()
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP answers by the script of the delivery.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // it arrived incompletely
	}
	seen := &audit.Request{
		Delivery:   request.Header.Get(signing.HeaderID),
		Path:       request.URL.Path,
		Dispatcher: r.sender(request),
		Arrived:    time.Now(),
		BodyHash:   hash(body),
		Event:      eventOf(body),
	}
	seen.Timestamp, _ = strconv.ParseInt(request.Header.Get(signing.HeaderTimestamp), 10, 64) // a wrong key verifies nothing
	a, hold := r.enter(seen, request.Header, body)
	hold.wait(request.Context())
	r.ponder(request.Context(), a)
	r.leave(seen, a, request.Context().Err() != nil)
	respond(w, a, seen.Receipt)
}

// enter records a request and returns its answer.
func (r *Receiver) enter(seen *audit.Request, header http.Header, body []byte) (answer, *Hold) {
	r.mutex.Lock()
	key := r.keys[seen.Path]
	r.mutex.Unlock()
	if err := signing.Verify(header, body, seen.Arrived, signing.DefaultTolerance, key); err != nil {
		seen.Problem = err.Error()
	}

	r.mutex.Lock()
	defer r.mutex.Unlock()
	nth := r.seen[seen.Delivery]
	r.seen[seen.Delivery]++
	r.requests = append(r.requests, seen)
	seen.Receipt = int64(len(r.requests))
	r.latest = seen.Arrived
	return answerTo(KindOf(seen.Delivery), nth), r.hold.take(seen, nth)
}

func (r *Receiver) ponder(ctx context.Context, a answer) {
	pause := a.after
	if r.options.Think > 0 {
		pause += rand.N(2 * r.options.Think)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done(): // the client has disconnected
	}
}

func (r *Receiver) leave(seen *audit.Request, a answer, abandoned bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	seen.Answered, seen.Status, seen.RetryAfter, seen.Abandoned = time.Now(), a.status, a.retryAfter, abandoned
}

func respond(w http.ResponseWriter, a answer, receipt int64) {
	if a.status == 0 {
		hangUp(w, a.reset)
		return
	}
	w.Header().Set(ReceiptHeader, strconv.FormatInt(receipt, 10))
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(a.retryAfter.Seconds())))
	}
	w.WriteHeader(a.status)
}

// hangUp closes the connection instead of an answer: with a FIN, or with a reset.
func hangUp(w http.ResponseWriter, reset bool) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // it closes the connection too
	}
	if tcp, ok := connection.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

func (r *Receiver) sender(request *http.Request) int {
	version, ours := strings.CutPrefix(request.UserAgent(), userAgent)
	switch {
	case r.options.Sender != nil:
		return r.options.Sender(request)
	case !ours:
		return -1
	case r.options.Anonymous:
		return 0
	}
	var dispatcher int
	if _, err := fmt.Sscanf(version, "chaos.%d", &dispatcher); err != nil {
		return -1
	}
	return dispatcher
}

func hash(body []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(body) // it never fails
	return sum.Sum64()
}

func eventOf(body []byte) string {
	var event struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(body, &event) // a body that is no event has no ID
	return event.ID
}
