// Package redeliver sends again what was to be delivered before: a retry requeues the same record, a replay makes a new one.
package redeliver

import (
	"context"
	"time"

	"redrive/pkg/groupcommit"
	"redrive/pkg/webhook"
)

// Store is what redelivering needs of the database.
type Store interface {
	RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error)
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
	store   Store
	queue   Queue
	commits *groupcommit.Group[webhook.Retry, webhook.Record]
}

// maxTogether is how many retries of different callers share a statement and a commit at most.
const maxTogether = 100

// Options of a Redeliverer.
type Options struct {
	// Timeout bounds the writing of retries to the database. Defaults to that of package groupcommit.
	Timeout time.Duration
}

// New makes a Redeliverer.
func New(store Store, queue Queue, o Options) *Redeliverer {
	return &Redeliverer{
		store: store, queue: queue,
		commits: groupcommit.New(store.RetryDeliveries, groupcommit.Options{MaxBatch: maxTogether, Writers: 1, Timeout: o.Timeout}),
	}
}

// Close waits for commits that are under way although nobody waits for them any more.
func (r *Redeliverer) Close() { r.commits.Close() }

// Retry requeues a delivery that has ended in failure. Of any number of concurrent calls one succeeds. Once it returns
// without an error the retry is durable: it is made even if the queue loses all that it holds.
func (r *Redeliverer) Retry(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	record, err := r.commits.Do(ctx, webhook.Retry{OrganizationID: organizationID, DeliveryID: id, At: webhook.Now()})
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
