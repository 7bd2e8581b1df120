package bulkhead

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics never name an endpoint: there may be any number of them. Breakers tells of each.
type metrics struct {
	deferred      *prometheus.CounterVec
	woken, lapsed prometheus.Counter
}

func newMetrics(b *Bulkheads, registry prometheus.Registerer) metrics {
	m := metrics{
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_deliveries_deferred_total", Help: "Times that a delivery was put off for its endpoint's sake, without an attempt, by reason.",
		}, []string{"reason"}),
		woken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_deliveries_woken_total", Help: "Times that a delivery that had been put off was woken because there was a slot for it.",
		}),
		lapsed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_bulkhead_lapsed_total", Help: "Slots that were kept for a woken delivery in vain.",
		}),
	}
	registry.MustRegister(m.deferred, m.woken, m.lapsed)
	for _, cause := range []Cause{Concurrency, Circuit, Rate} {
		m.deferred.WithLabelValues(string(cause))
	}
	gauge := func(name, help string, labels prometheus.Labels, value func() int) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 {
			b.mutex.Lock()
			defer b.mutex.Unlock()
			return float64(value())
		}))
	}
	gauge("redrive_bulkhead_inflight", "Attempts in flight, and slots that are kept for deliveries that were woken.", nil, func() int { return b.occupied })
	gauge("redrive_deliveries_held", "Deliveries that are remembered as waiting for their endpoint.", nil, func() int { return len(b.held) })
	for _, state := range []State{Closed, Open, HalfOpen} {
		gauge("redrive_breakers", "Endpoints that this process has lately had to do with, by the state of their circuit.",
			prometheus.Labels{"state": state.String()}, func() int { return b.inState(state) })
	}
	return m
}

// inState counts endpoints. All whose circuit is not closed are tended.
func (b *Bulkheads) inState(state State) (count int) {
	if state == Closed {
		return len(b.endpoints) - b.inState(Open) - b.inState(HalfOpen)
	}
	for _, e := range b.tended {
		if e.breaker.state == state {
			count++
		}
	}
	return count
}

// noteTransition has a change of the circuit's state written into the log: that an endpoint went down and came back for
// everybody, and the attempts to find out in between for those who look closely.
func (b *Bulkheads) noteTransition(e *endpoint) {
	id, breaker, lastError := e.id, &e.breaker, e.lastError
	state, why, reopened, openUntil, log := breaker.state, breaker.why, breaker.reopened, breaker.until, b.options.Log
	b.notes = append(b.notes, func() {
		ctx := context.Background()
		switch state {
		case Open:
			level := slog.LevelDebug
			if reopened == 1 {
				level = slog.LevelWarn
			}
			log.Log(ctx, level, "circuit opened: the endpoint's deliveries are held", "endpointId", id, "state", state.String(),
				"reason", why, "lastError", lastError, "openUntil", openUntil)
		case HalfOpen:
			log.DebugContext(ctx, "circuit half open: the endpoint is probed", "endpointId", id, "state", state.String())
		default:
			log.InfoContext(ctx, "circuit closed: the endpoint has answered", "endpointId", id, "state", state.String())
		}
	})
}
