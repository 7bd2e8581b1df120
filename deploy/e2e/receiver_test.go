package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is a customer's server. Each of its paths has a script of answers. The first request of a delivery gets the first answer, and so
// on. The last answer repeats. The receiver records all requests.
type receiver struct {
	server *httptest.Server

	mu      sync.Mutex
	scripts map[string][]answer
	gates   []*gate
	arrived []arrival
	changed chan struct{} // closed and replaced when something arrives
}

// arrival is a request that the receiver got.
type arrival struct {
	at       time.Time
	method   string
	path     string
	header   http.Header
	body     []byte
	delivery string
}

// answer is the answer to one request.
type answer struct {
	status int
	header map[string]string
	body   string
	gate   *gate
}

func status(code int) answer { return answer{status: code, body: http.StatusText(code)} }

func (a answer) with(name, value string) answer {
	a.header = map[string]string{name: value}
	return a
}

// behind delays the answer until the gate opens.
func (a answer) behind(g *gate) answer {
	a.gate = g
	return a
}

// gate delays answers until it is opened.
type gate struct {
	once sync.Once
	way  chan struct{}
}

func newGate() *gate { return &gate{way: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.way) }) }

// receiverHost is the address at which receivers listen.
var receiverHost = "127.0.0.1"

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{scripts: map[string][]answer{}, changed: make(chan struct{})}
	r.server = serveReceiver(t, r)
	t.Cleanup(r.close)
	return r
}

// serveReceiver serves a handler at receiverHost until the test ends.
func serveReceiver(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(receiverHost, "0"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// close opens every gate, because the server waits for its answers when it closes.
func (r *receiver) close() {
	r.mu.Lock()
	for _, g := range r.gates {
		g.open()
	}
	r.mu.Unlock()
}

// on sets the script of a path and returns its URL.
func (r *receiver) on(path string, script ...answer) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scripts[path] = script
	for _, a := range script {
		if a.gate != nil {
			r.gates = append(r.gates, a.gate)
		}
	}
	return r.server.URL + path
}

// answering starts a receiver with a single path.
func answering(t *testing.T, script ...answer) (r *receiver, url string) {
	t.Helper()
	r = newReceiver(t)
	return r, r.on("/hook", script...)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // it did not arrive
	}
	a := r.record(arrival{
		at: time.Now(), method: request.Method, path: request.URL.Path, header: request.Header, body: body,
		delivery: request.Header.Get("webhook-id"),
	})
	if a.gate != nil {
		select {
		case <-a.gate.way:
		case <-request.Context().Done():
			return
		}
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body) // an error means that the client has gone
}

// record records a request and returns its answer.
func (r *receiver) record(got arrival) answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := 0
	for _, earlier := range r.arrived {
		if earlier.delivery == got.delivery && earlier.path == got.path {
			before++
		}
	}
	r.arrived = append(r.arrived, got)
	close(r.changed)
	r.changed = make(chan struct{})

	script := r.scripts[got.path]
	if len(script) == 0 {
		return status(http.StatusNotFound)
	}
	return script[min(before, len(script)-1)]
}

// of returns the requests of a delivery.
func (r *receiver) of(delivery string) []arrival {
	found, _ := r.look(delivery)
	return found
}

// all returns all requests.
func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrived)
}

func (r *receiver) look(delivery string) (found []arrival, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.arrived {
		if a.delivery == delivery {
			found = append(found, a)
		}
	}
	return found, r.changed
}

// await waits until a delivery has the given number of requests, and returns all of them.
func (r *receiver) await(t *testing.T, delivery string, count int) []arrival {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		found, changed := r.look(delivery)
		if len(found) >= count {
			return found
		}
		select {
		case <-changed:
		case <-deadline.C:
			require.FailNow(t, "nothing arrived", "%d of %d requests of delivery %s after %s", len(found), count, delivery, patience)
		}
	}
}
