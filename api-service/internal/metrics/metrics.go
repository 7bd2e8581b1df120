// Package metrics counts the events and deliveries that the API writes to the database.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/observe"
)

// Writes are the metrics of published events and of deliveries that are sent again.
type Writes struct {
	Events     prometheus.Counter
	Deliveries prometheus.Counter
	// PublishBatch and RetryBatch observe how many events or retries shared a statement.
	PublishBatch, RetryBatch func(size int)
}

// New registers the metrics.
func New(registry prometheus.Registerer) Writes {
	batches := observe.BatchSizes(registry, "publish", "retry")
	w := Writes{
		Events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_events_published_total", Help: "Published events that were committed.",
		}),
		Deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_deliveries_created_total", Help: "Deliveries created for published events and by replays.",
		}),
		PublishBatch: batches[0],
		RetryBatch:   batches[1],
	}
	registry.MustRegister(w.Events, w.Deliveries)
	return w
}
