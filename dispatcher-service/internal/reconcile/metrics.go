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
			Name: "redrive_reconciled_total", Help: "Deliveries that were overdue or lost their worker, by what the reconciler found of their task.",
		}, []string{"found"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_reconcile_failures_total", Help: "Passes and searches of the reconciler that ended early because the database or Redis was away.",
		}),
		rebuilds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_queue_rebuilds_total", Help: "Times that the queue was new or had been emptied and was filled from the database.",
		}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_reconcile_duration_seconds", Help: "Time that a pass of the reconciler took.",
			Buckets: []float64{.005, .01, .05, .1, .5, 1, 5, 10, 30, 60},
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_oldest_overdue_seconds", Help: "How long the delivery has been due that has been overdue for longest; 0 if none is.",
		}),
	}
	registry.MustRegister(m.found, m.failures, m.rebuilds, m.duration, m.oldest)
	for _, sight := range []queue.TaskState{queue.Missing, queue.Waiting, queue.Late, queue.Running, queue.Ended, queue.Orphan, queue.Phantom} {
		m.found.WithLabelValues(string(sight)) // so that a rate can be taken from the beginning
	}
	return m
}

// time begins to take the time of a pass, and its result ends it.
func (m metrics) time() func() {
	began := time.Now()
	return func() { m.duration.Observe(time.Since(began).Seconds()) }
}

// report counts what was found, and has a line for what was put right.
func (r *Reconciler) report(ctx context.Context, found map[queue.TaskState]int) {
	mended := 0
	attributes := []slog.Attr{}
	for sight, count := range found {
		r.metrics.found.WithLabelValues(string(sight)).Add(float64(count))
		if !sight.IsQueued() {
			mended += count
			attributes = append(attributes, slog.Int(string(sight), count))
		}
	}
	if mended > 0 {
		r.options.Log.LogAttrs(ctx, slog.LevelInfo, "put deliveries back into the queue", append(attributes, slog.Int("deliveries", mended))...)
	}
}
