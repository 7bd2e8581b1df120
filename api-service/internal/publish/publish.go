// Package publish turns events into deliveries: one for each active endpoint of the organization that subscribes to it.
//
//	check → whom does it concern → keep event and deliveries → hand the deliveries to the queue
package publish

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/groupcommit"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Subscriptions says whom an event may concern.
type Subscriptions interface {
	ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error)
}

// Store keeps events with their deliveries, each of them all or nothing.
type Store interface {
	CreateEvents(ctx context.Context, publications []webhook.Publication) []error
}

// Queue takes deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Publisher publishes events.
type Publisher struct {
	subscriptions Subscriptions
	store         Store
	queue         Queue
	timeout       time.Duration // of one statement
	commits       *groupcommit.Group[webhook.Publication, struct{}]
}

// Options of a Publisher.
type Options struct {
	// Timeout bounds each statement. Defaults to 5 s.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// New makes a Publisher.
func New(subscriptions Subscriptions, store Store, queue Queue, o Options) *Publisher {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	p := &Publisher{subscriptions: subscriptions, store: store, queue: queue, timeout: o.Timeout}
	p.commits = groupcommit.New(func(ctx context.Context, publications []webhook.Publication) ([]struct{}, []error) {
		return make([]struct{}, len(publications)), store.CreateEvents(ctx, publications)
	}, groupcommit.Options{MaxBatch: maxTogether, Timeout: o.Timeout})
	return p
}

// Events that are published at the same time by different callers share a commit, if they are small: a large one would have the
// others wait for its bytes.
const (
	maxTogether     = 100
	smallData       = 16 << 10 // bytes
	smallDeliveries = 50
)

// Publish keeps the event and its deliveries, all or nothing, and then hands the deliveries to the queue. Once it returns
// without an error, they will be made.
func (p *Publisher) Publish(ctx context.Context, organizationID string, spec webhook.EventSpec) (webhook.Publication, error) {
	if err := spec.Check(); err != nil {
		return webhook.Publication{}, err
	}
	endpoints, err := p.subscriptions.ListActiveEndpoints(ctx, organizationID)
	if err != nil {
		return webhook.Publication{}, err
	}
	publication := publicationOf(organizationID, spec, endpoints)
	if err := p.keep(ctx, publication); err != nil {
		return webhook.Publication{}, err
	}
	p.queue.Enqueue(ctx, publication.Deliveries...)
	return publication, nil
}

// Close waits for commits that are under way although nobody waits for them any more.
func (p *Publisher) Close() { p.commits.Close() }

func publicationOf(organizationID string, spec webhook.EventSpec, endpoints []webhook.Endpoint) webhook.Publication {
	now := webhook.Now()
	publication := webhook.Publication{Event: webhook.NewEvent(organizationID, spec, now)}
	for _, endpoint := range endpoints {
		if webhook.Subscribes(endpoint.SubscribedEventTypes, spec.Type) {
			publication.Deliveries = append(publication.Deliveries, webhook.NewDelivery(publication.Event, endpoint, now))
		}
	}
	return publication
}

// keep is part of the caller's trace, although the statement may be shared with others.
func (p *Publisher) keep(ctx context.Context, publication webhook.Publication) (err error) {
	ctx, span := tracing.Child(ctx, "keep", trace.SpanKindInternal, attribute.String("eventId", publication.Event.ID))
	defer func() { tracing.End(span, err) }()
	if len(publication.Event.Data) > smallData || len(publication.Deliveries) > smallDeliveries {
		return p.store.CreateEvents(ctx, []webhook.Publication{publication})[0]
	}
	_, err = p.commits.Do(ctx, publication)
	return err
}
