package bulkhead

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/circuit"
)

// metrics have no endpoint label, because the number of endpoints is not bounded. Breakers lists endpoints.
type metrics struct {
	deferred       *prometheus.CounterVec
	woken, expired prometheus.Counter
}

func newMetrics(b *Bulkheads, registry prometheus.Registerer) metrics {
	m := metrics{
		deferred: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_deliveries_deferred_total", Help: "Deliveries snoozed without an attempt because of their endpoint, by reason.",
		}, []string{"reason"}),
		woken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_deliveries_woken_total", Help: "Held deliveries woken because a slot was free.",
		}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_bulkhead_lapsed_total", Help: "Reserved slots whose woken delivery was not dequeued in time.",
		}),
	}
	registry.MustRegister(m.deferred, m.woken, m.expired)
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
	gauge("redrive_bulkhead_inflight", "Slots in use: attempts in flight, and slots reserved for woken deliveries.", nil, func() int { return b.slots.Taken })
	gauge("redrive_deliveries_held", "Held deliveries that this process remembers.", nil, func() int { return len(b.held) })
	for _, state := range []circuit.State{circuit.Closed, circuit.Open, circuit.HalfOpen} {
		gauge("redrive_breakers", "Endpoints that this process has recently sent to, by state of their circuit.",
			prometheus.Labels{"state": state.String()}, func() int { return b.inState(state) })
	}
	return m
}

// inState counts the endpoints whose circuit is open or half open. It reads only watched, which holds every such endpoint.
func (b *Bulkheads) inState(state circuit.State) (count int) {
	if state == circuit.Closed {
		return len(b.endpoints) - b.inState(circuit.Open) - b.inState(circuit.HalfOpen)
	}
	for _, e := range b.watched {
		if e.circuit.State == state {
			count++
		}
	}
	return count
}

// logTransition logs a change of the circuit's state after the mutex is released. It logs the first opening at level warn, the closing at
// level info, and the probes in between at level debug.
func (b *Bulkheads) logTransition(e *endpoint) {
	id, c, lastError, log := e.id, e.circuit, e.lastError, b.options.Log
	b.logs = append(b.logs, func() {
		ctx := context.Background()
		switch c.State {
		case circuit.Open:
			level := slog.LevelDebug
			if c.Openings == 1 {
				level = slog.LevelWarn
			}
			log.Log(ctx, level, "circuit opened: the endpoint's deliveries are held", "endpointId", id, "state", c.State.String(),
				"reason", c.Reason, "lastError", lastError, "openUntil", c.Until)
		case circuit.HalfOpen:
			log.DebugContext(ctx, "circuit half open: the endpoint is probed", "endpointId", id, "state", c.State.String())
		default:
			log.InfoContext(ctx, "circuit closed: the endpoint has answered", "endpointId", id, "state", c.State.String())
		}
	})
}
