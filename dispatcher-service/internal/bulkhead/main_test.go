package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/circuit"
	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(testservers.Suite(m))
}

// Results of attempts.
func quickly(d time.Duration) webhook.Result { return webhook.Result{ResponseStatus: 200, Duration: d} }

func refused() webhook.Result { return webhook.Result{Failure: "the connection was refused"} }

func timedOut() webhook.Result {
	return webhook.Result{Failure: "no answer within 15s", Duration: defaultTimeout}
}

// bench is Bulkheads in virtual time, with a Waker that records the woken deliveries.
type bench struct {
	*Bulkheads
	t        *testing.T
	registry *prometheus.Registry
	wakes    *wakes
	made     int // requests made so far
}

// wakes is a Waker that records the IDs and returns results set by the test.
type wakes struct {
	mutex sync.Mutex
	ids   []string
	fails bool
	found map[string]queue.WakeResult // by delivery ID; others get queue.WakePending
}

func (w *wakes) setFails(fails bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.fails = fails
}

func (w *wakes) Wake(_ context.Context, name string, ids []string) ([]queue.WakeResult, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if name != webhook.QueueDeliveries {
		return nil, errors.New("no such queue")
	}
	w.ids = append(w.ids, ids...)
	if w.fails {
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

// woken returns the IDs of the deliveries that were woken since the last call.
func (b *bench) woken() []string {
	synctest.Wait()
	b.wakes.mutex.Lock()
	defer b.wakes.mutex.Unlock()
	ids := b.wakes.ids
	b.wakes.ids = nil
	return ids
}

// request returns a request for a new delivery to the endpoint, due now.
func (b *bench) request(endpoint string) Request {
	b.made++
	return Request{EndpointID: endpoint, DeliveryID: fmt.Sprintf("dlv_%06d", b.made), Queue: webhook.QueueDeliveries, DueAt: time.Now()}
}

func (b *bench) delivery(endpoint, id string) Request {
	v := b.request(endpoint)
	v.DeliveryID = id
	return v
}

// acquire returns a permit for the delivery, or fails the test. Some tests call it 100,000 times, so it makes an assertion only to fail.
func (b *bench) acquire(v Request) *Permit {
	permit, deferral := b.Acquire(b.t.Context(), v)
	if permit == nil {
		b.t.Helper()
		require.Fail(b.t, "deferred", "%s: %+v", v.DeliveryID, deferral)
	}
	return permit
}

// deferred requires that the delivery is deferred for the cause, and returns the deferral.
func (b *bench) deferred(v Request, want Cause) Deferral {
	permit, deferral := b.Acquire(b.t.Context(), v)
	if permit != nil || deferral.Cause != want {
		b.t.Helper()
		require.Nil(b.t, permit, v.DeliveryID)
		require.Equal(b.t, want, deferral.Cause, "%+v", deferral)
	}
	return deferral
}

// fill acquires permits for new deliveries until one is deferred or there are most of them.
func (b *bench) fill(endpoint string, most int) (permits []*Permit) {
	for range most {
		permit, _ := b.Acquire(b.t.Context(), b.request(endpoint))
		if permit == nil {
			break
		}
		permits = append(permits, permit)
	}
	return permits
}

// attempt acquires a permit for a new delivery and completes it with the result.
func (b *bench) attempt(endpoint string, r webhook.Result) {
	b.t.Helper()
	b.acquire(b.request(endpoint)).Complete(r)
}

// openCircuit makes attempts that time out until the endpoint's circuit opens.
func (b *bench) openCircuit(endpoint string) {
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
