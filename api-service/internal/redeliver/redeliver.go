// Package redeliver sends deliveries again. A retry requeues the same delivery, and a replay creates a new one. It also creates deliveries of
// events to endpoints that missed them, and cancels deliveries.
package redeliver

import (
	"context"
	"time"

	"redrive/api-service/internal/metrics"
	"redrive/pkg/groupcommit"
	"redrive/pkg/profile"
	"redrive/pkg/webhook"
)

// Store is the part of the database that retries and replays use.
type Store interface {
	originals
	RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error)
	CreateDelivery(ctx context.Context, d webhook.Delivery) error
	CancelDelivery(ctx context.Context, c webhook.Cancellation) (webhook.Record, error)
}

// originals reads what a new delivery is made from.
type originals interface {
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	FindEndpointEver(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
	FindEndpoint(ctx context.Context, organizationID, id string) (webhook.Endpoint, error)
	FindEvent(ctx context.Context, organizationID, id string) (webhook.Event, error)
}

// Queue enqueues deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Redeliverer retries and replays deliveries. It is safe for concurrent use.
type Redeliverer struct {
	store   Store
	queue   Queue
	written metrics.Writes
	commits *groupcommit.Group[webhook.Retry, webhook.Record]
}

// maxBatch is the largest number of retries that share a statement.
const maxBatch = 100

// Options configure a Redeliverer.
type Options struct {
	// Timeout bounds each write of retries to the database. Defaults to the timeout of package groupcommit.
	Timeout time.Duration
}

// New makes a Redeliverer.
func New(store Store, queue Queue, written metrics.Writes, o Options) *Redeliverer {
	retry := func(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
		defer written.RetryBatch(len(retries))
		profile.Commit.Begin()
		return store.RetryDeliveries(ctx, retries)
	}
	return &Redeliverer{
		store: store, queue: queue, written: written,
		commits: groupcommit.New(retry, groupcommit.Options{MaxBatch: maxBatch, Writers: 1, Timeout: o.Timeout}),
	}
}

// Close waits for the commits in progress, which may outlive their callers.
func (r *Redeliverer) Close() { r.commits.Close() }

// Retry requeues a delivery whose status is failure. Of any number of concurrent calls, one succeeds. If it returns no error, the retry
// is durable: it happens even if the queue loses its tasks.
func (r *Redeliverer) Retry(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	return r.RetrySmall(ctx, organizationID, id, 0)
}

// RetrySmall is Retry for a record of at most maxBytes bytes, as webhook.Sized counts them. It returns webhook.ErrRecordLarge without any
// effect if the record is larger. 0 is no limit.
func (r *Redeliverer) RetrySmall(ctx context.Context, organizationID, id string, maxBytes int64) (webhook.Record, error) {
	retry := webhook.Retry{OrganizationID: organizationID, DeliveryID: id, At: webhook.Now(), MaxBytes: maxBytes}
	record, err := r.commit(ctx, retry)
	if err != nil {
		return webhook.Record{}, err
	}
	r.queue.Enqueue(ctx, record.Delivery)
	return record, nil
}

// commit writes a retry together with others. A call with an idempotency key has a transaction of its own, because it is recorded in it and
// may be refused for its key.
func (r *Redeliverer) commit(ctx context.Context, retry webhook.Retry) (webhook.Record, error) {
	if webhook.CallOf(ctx) == nil {
		return r.commits.Do(ctx, retry)
	}
	records, failures := r.store.RetryDeliveries(ctx, []webhook.Retry{retry})
	return records[0], failures[0]
}

// Replay creates a new delivery of the same event to the same endpoint. The old delivery may have any status. The new one goes to the head
// of its organization's share, as a manual retry does.
func (r *Redeliverer) Replay(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	old, err := r.store.FindDelivery(ctx, organizationID, id)
	if err != nil {
		return webhook.Record{}, err
	}
	endpoint, err := r.store.FindEndpointEver(ctx, organizationID, old.Delivery.EndpointID)
	if err == nil {
		err = endpoint.TakesDeliveries()
	}
	if err != nil {
		return webhook.Record{}, err
	}
	return r.create(ctx, old.Event, old.Delivery.Replayed(old.Event, endpoint, webhook.Now()))
}

// Deliver creates a delivery of a published event to one endpoint, whatever the endpoint subscribes to. It is for an event that the endpoint
// missed.
func (r *Redeliverer) Deliver(ctx context.Context, organizationID, eventID, endpointID string) (webhook.Record, error) {
	event, err := r.store.FindEvent(ctx, organizationID, eventID)
	if err != nil {
		return webhook.Record{}, err
	}
	endpoint, err := r.store.FindEndpoint(ctx, organizationID, endpointID)
	if err == nil {
		err = endpoint.TakesDeliveries()
	}
	if err != nil {
		return webhook.Record{}, err
	}
	return r.create(ctx, event, webhook.NewRedelivery(event, endpoint, webhook.Now()))
}

// create commits a delivery of an event and enqueues it.
func (r *Redeliverer) create(ctx context.Context, event webhook.Event, d webhook.Delivery) (webhook.Record, error) {
	if err := r.store.CreateDelivery(ctx, d); err != nil {
		return webhook.Record{}, err
	}
	r.written.Deliveries.Inc()
	r.queue.Enqueue(ctx, d)
	return webhook.Record{Delivery: d, Event: event}, nil
}

// Cancel ends a waiting delivery. Its task, if there is one, is removed when a worker takes it. An attempt in flight is superseded.
func (r *Redeliverer) Cancel(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	return r.store.CancelDelivery(ctx, webhook.Cancellation{OrganizationID: organizationID, DeliveryID: id, At: webhook.Now()})
}
