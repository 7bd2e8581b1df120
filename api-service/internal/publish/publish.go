// Package publish turns an event into deliveries: one for each active endpoint of the organization that subscribes to it.
package publish

import (
	"context"

	"redrive/pkg/webhook"
)

// Store is what publishing needs of the database.
type Store interface {
	ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error)
	CreateEvent(ctx context.Context, event webhook.Event, deliveries []webhook.Delivery) error
}

// Queue takes deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Publisher publishes events.
type Publisher struct {
	store Store
	queue Queue
}

// New makes a Publisher.
func New(store Store, queue Queue) *Publisher { return &Publisher{store: store, queue: queue} }

// Publish keeps the event and its deliveries, all or nothing, and then hands the deliveries to the queue. Once it returns
// without an error, they will be made.
func (p *Publisher) Publish(ctx context.Context, organizationID string, spec webhook.EventSpec) (webhook.Event, []webhook.Delivery, error) {
	if err := spec.Check(); err != nil {
		return webhook.Event{}, nil, err
	}
	endpoints, err := p.store.ListActiveEndpoints(ctx, organizationID)
	if err != nil {
		return webhook.Event{}, nil, err
	}
	now := webhook.Now()
	event := webhook.NewEvent(organizationID, spec, now)
	var deliveries []webhook.Delivery
	for _, endpoint := range endpoints {
		if webhook.Subscribes(endpoint.SubscribedEventTypes, event.Type) {
			deliveries = append(deliveries, webhook.NewDelivery(event, endpoint, now))
		}
	}
	if err := p.store.CreateEvent(ctx, event, deliveries); err != nil {
		return webhook.Event{}, nil, err
	}
	p.queue.Enqueue(ctx, deliveries...)
	return event, deliveries, nil
}
