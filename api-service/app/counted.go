package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/observe"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// counted is the database as those see it who publish and retry: what it keeps is counted.
type counted struct {
	*store.Store
	events, deliveries  prometheus.Counter
	publishing, retries func(size int)
}

func newCounted(opened *store.Store, registry prometheus.Registerer) counted {
	sizes := observe.BatchSizes(registry, "publish", "retry")
	c := counted{
		Store: opened,
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_events_published_total", Help: "Events that were published and are kept.",
		}),
		deliveries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_deliveries_created_total", Help: "Deliveries that were made of published events, and by replays.",
		}),
		publishing: sizes[0],
		retries:    sizes[1],
	}
	registry.MustRegister(c.events, c.deliveries)
	return c
}

func (c counted) CreateEvents(ctx context.Context, publications []webhook.Publication) []error {
	failures := c.Store.CreateEvents(ctx, publications)
	for i, publication := range publications {
		if failures[i] == nil {
			c.events.Inc()
			c.deliveries.Add(float64(len(publication.Deliveries)))
		}
	}
	c.publishing(len(publications))
	return failures
}

func (c counted) CreateDelivery(ctx context.Context, d webhook.Delivery) error {
	err := c.Store.CreateDelivery(ctx, d)
	if err == nil {
		c.deliveries.Inc()
	}
	return err
}

func (c counted) RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	defer c.retries(len(retries))
	return c.Store.RetryDeliveries(ctx, retries)
}
