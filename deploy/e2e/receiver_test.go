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

// receiver is a customer's server. Each of its paths answers by a script, which every delivery goes through by itself: its
// first request gets the first answer, and so on; the last answer repeats. Everything that arrives is on record.
type receiver struct {
	server *httptest.Server

	mu      sync.Mutex
	scripts map[string][]answer
	gates   []*gate
	arrived []arrival
	changed chan struct{} // closed and replaced when something arrives
}

// arrival is a request as it came in.
type arrival struct {
	at       time.Time
	method   string
	path     string
	header   http.Header
	body     []byte
	delivery string
}

// answer is what one request is answered.
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

// behind holds the answer back until the gate opens.
func (a answer) behind(g *gate) answer {
	a.gate = g
	return a
}

// gate holds answers back until it is opened.
type gate struct {
	once sync.Once
	way  chan struct{}
}

func newGate() *gate { return &gate{way: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.way) }) }

// receiverHost is where receivers listen.
var receiverHost = "127.0.0.1"

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{scripts: map[string][]answer{}, changed: make(chan struct{})}
	r.server = httptest.NewUnstartedServer(r)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(receiverHost, "0"))
	require.NoError(t, err)
	require.NoError(t, r.server.Listener.Close())
	r.server.Listener = listener
	r.server.Start()
	t.Cleanup(r.close)
	return r
}

// close opens every gate first: the server waits for its answers.
func (r *receiver) close() {
	r.mu.Lock()
	for _, g := range r.gates {
		g.open()
	}
	r.mu.Unlock()
	r.server.Close()
}

// on scripts a path, from now on, and returns its URL.
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

// answering is a receiver with a single path.
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
	_, _ = io.WriteString(w, a.body) // whoever asked has gone
}

// record keeps what arrived and picks its answer.
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

// of is what has arrived of a delivery.
func (r *receiver) of(delivery string) []arrival {
	found, _ := r.look(delivery)
	return found
}

// all is what has arrived.
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

// await waits until so many requests of a delivery have arrived, and returns all there are.
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
