// Package redeliver sends again what was to be delivered before: a retry requeues the same record, a replay makes a new one.
package redeliver

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// Store is what redelivering needs of the database.
type Store interface {
	RetryDelivery(ctx context.Context, organizationID, id string, now time.Time) (webhook.Record, error)
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
	CreateDelivery(ctx context.Context, d webhook.Delivery) error
}

// Queue takes deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Redeliverer retries and replays deliveries.
type Redeliverer struct {
	store Store
	queue Queue
}

// New makes a Redeliverer.
func New(store Store, queue Queue) *Redeliverer { return &Redeliverer{store: store, queue: queue} }

// Retry requeues a delivery that has ended in failure. Of any number of concurrent calls one succeeds. Once it returns
// without an error the retry is durable: it is made even if the queue loses all that it holds.
func (r *Redeliverer) Retry(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	record, err := r.store.RetryDelivery(ctx, organizationID, id, webhook.Now())
	if err != nil {
		return webhook.Record{}, err
	}
	r.queue.Enqueue(ctx, record.Delivery)
	return record, nil
}

// Replay makes a new delivery of the same event to the same endpoint, whatever became of the old one.
func (r *Redeliverer) Replay(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	old, err := r.store.FindDelivery(ctx, organizationID, id)
	if err != nil {
		return webhook.Record{}, err
	}
	endpoint, err := r.store.FindEndpoint(ctx, organizationID, old.Delivery.EndpointID)
	if err != nil {
		return webhook.Record{}, err
	}
	if endpoint.Status == webhook.EndpointDisabled {
		return webhook.Record{}, webhook.ErrEndpointDisabled
	}
	replay := webhook.NewDelivery(old.Event, endpoint, webhook.Now())
	if err := r.store.CreateDelivery(ctx, replay); err != nil {
		return webhook.Record{}, err
	}
	r.queue.Enqueue(ctx, replay)
	return webhook.Record{Delivery: replay, Event: old.Event}, nil
}
