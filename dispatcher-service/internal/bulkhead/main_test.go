package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"redrive/dispatcher-service/internal/circuit"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(testservers.Suite(m))
}

// The ways in which attempts go.
func quickly(d time.Duration) webhook.Result { return webhook.Result{ResponseStatus: 200, Duration: d} }

func refused() webhook.Result { return webhook.Result{Failure: "the connection was refused"} }

func timedOut() webhook.Result {
	return webhook.Result{Failure: "no answer within 15s", Duration: defaultTimeout}
}

// bench is Bulkheads in virtual time, with a queue that only records who is woken.
type bench struct {
	*Bulkheads
	t        *testing.T
	registry *prometheus.Registry
	wakes    *wakes
	made     int
}

// wakes is a Waker.
type wakes struct {
	mutex sync.Mutex
	ids   []string
	away  bool
	found map[string]queue.WakeResult // else queue.WakePending
}

func (w *wakes) set(away bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.away = away
}

func (w *wakes) Wake(_ context.Context, name string, ids []string) ([]queue.WakeResult, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if name != webhook.QueueDeliveries {
		return nil, errors.New("no such queue")
	}
	w.ids = append(w.ids, ids...)
	if w.away {
		return nil, errors.New("connection refused")
	}
	found := make([]queue.WakeResult, len(ids))
	for i, id := range ids {
		found[i] = queue.WakePending
		if f, is := w.found[id]; is {
			found[i] = f
		}
	}
	return found, nil
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, options Options, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, options)
		b.Start()
		defer func() { require.NoError(t, b.Stop(context.Background())) }()
		test(b)
	})
}

func newBench(t *testing.T, options Options) *bench {
	w := &wakes{found: map[string]queue.WakeResult{}}
	if options.Workers == 0 {
		options.Workers = 200
	}
	if options.Waker == nil {
		options.Waker = w
	}
	if options.Random == nil {
		options.Random = func() float64 { return 0.5 }
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	registry := prometheus.NewRegistry()
	return &bench{Bulkheads: New(options, registry), t: t, registry: registry, wakes: w}
}

// woken returns who was woken since the last call.
func (b *bench) woken() []string {
	synctest.Wait()
	b.wakes.mutex.Lock()
	defer b.wakes.mutex.Unlock()
	ids := b.wakes.ids
	b.wakes.ids = nil
	return ids
}

// visit is a new delivery to the endpoint, due now.
func (b *bench) visit(endpoint string) Request {
	b.made++
	return Request{EndpointID: endpoint, DeliveryID: fmt.Sprintf("dlv_%06d", b.made), Queue: webhook.QueueDeliveries, DueAt: time.Now()}
}

func (b *bench) delivery(endpoint, id string) Request {
	v := b.visit(endpoint)
	v.DeliveryID = id
	return v
}

// in lets a delivery in, or fails. Some tests call it some 100,000 times, and an assertion costs far more than Acquire.
func (b *bench) in(v Request) *Permit {
	permit, deferral := b.Acquire(b.t.Context(), v)
	if permit == nil {
		b.t.Helper()
		require.Fail(b.t, "put off", "%s: %+v", v.DeliveryID, deferral)
	}
	return permit
}

// out has a delivery put off, or fails.
func (b *bench) out(v Request, want Cause) Deferral {
	permit, deferral := b.Acquire(b.t.Context(), v)
	if permit != nil || deferral.Cause != want {
		b.t.Helper()
		require.Nil(b.t, permit, v.DeliveryID)
		require.Equal(b.t, want, deferral.Cause, "%+v", deferral)
	}
	return deferral
}

// fill lets in as many new deliveries as there is room for, at most so many.
func (b *bench) fill(endpoint string, most int) (permits []*Permit) {
	for range most {
		permit, _ := b.Acquire(b.t.Context(), b.visit(endpoint))
		if permit == nil {
			break
		}
		permits = append(permits, permit)
	}
	return permits
}

// attempt goes through one, at once.
func (b *bench) attempt(endpoint string, r webhook.Result) {
	b.t.Helper()
	b.in(b.visit(endpoint)).Complete(r)
}

// trip opens the circuit.
func (b *bench) trip(endpoint string) {
	b.t.Helper()
	for range 5 {
		b.attempt(endpoint, timedOut())
	}
	require.Equal(b.t, circuit.Open, b.state(endpoint).State)
}

func (b *bench) state(endpoint string) Breaker {
	for _, state := range b.Breakers(maxShown) {
		if state.EndpointID == endpoint {
			return state
		}
	}
	return Breaker{EndpointID: endpoint}
}
