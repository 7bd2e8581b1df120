package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
)

type metrics struct {
	found    *prometheus.CounterVec
	failures prometheus.Counter
	rebuilds prometheus.Counter
	duration prometheus.Histogram
	oldest   prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_reconciled_total", Help: "Deliveries that were overdue or whose worker died, by the state of their task.",
		}, []string{"found"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_reconcile_failures_total", Help: "Reconcile passes and orphan searches that ended early because the database or Redis was unavailable.",
		}),
		rebuilds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_queue_rebuilds_total", Help: "Rebuilds of the queue from the database because Redis was empty.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_reconcile_duration_seconds", Help: "Duration of a reconcile pass in seconds.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 10, 30, 60},
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_oldest_overdue_seconds", Help: "Time since the oldest overdue delivery became due, in seconds; 0 if none is overdue.",
		}),
	}
	registry.MustRegister(m.found, m.failures, m.rebuilds, m.duration, m.oldest)
	for _, state := range []queue.TaskState{queue.Missing, queue.Waiting, queue.Late, queue.Running, queue.Ended, queue.Orphan, queue.Phantom} {
		m.found.WithLabelValues(string(state)) // so that the first increase has a rate too
	}
	return m
}

// time starts to measure a pass. The returned function records the duration.
func (m metrics) time() func() {
	began := time.Now()
	return func() { m.duration.Observe(time.Since(began).Seconds()) }
}

// report adds the states to the metric, and logs how many deliveries were enqueued again.
func (r *Reconciler) report(ctx context.Context, found map[queue.TaskState]int) {
	enqueued := 0
	attributes := []slog.Attr{}
	for state, count := range found {
		r.metrics.found.WithLabelValues(string(state)).Add(float64(count))
		if !state.IsQueued() {
			enqueued += count
			attributes = append(attributes, slog.Int(string(state), count))
		}
	}
	if enqueued > 0 {
		r.options.Log.LogAttrs(ctx, slog.LevelInfo, "enqueued lost deliveries again", append(attributes, slog.Int("deliveries", enqueued))...)
	}
}
