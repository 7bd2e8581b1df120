package bulkjob

import (
	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/webhook"
)

const (
	resultApplied = "applied"
	resultSkipped = "skipped"
)

type metrics struct {
	running prometheus.Gauge
	handled *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "redrive_bulk_jobs_running", Help: "Bulk jobs that are running, the same in all dispatchers.",
		}),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_bulk_deliveries_total", Help: "Deliveries that bulk jobs have handled, by action and result.",
		}, []string{"action", "result"}),
	}
	registry.MustRegister(m.running, m.handled)
	for _, action := range webhook.BulkActions {
		for _, result := range []string{resultApplied, resultSkipped} {
			m.handled.WithLabelValues(string(action), result) // so that the first increase has a rate too
		}
	}
	return m
}
