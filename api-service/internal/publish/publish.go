// Package publish turns events into deliveries: one for each active endpoint of the organization that subscribes to it.
//
//	check the event → list the active endpoints (cached) → wait to be admitted → commit event and deliveries → enqueue the deliveries
package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"redrive/api-service/internal/cache"
	"redrive/api-service/internal/metrics"
	"redrive/pkg/groupcommit"
	"redrive/pkg/profile"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Store is the part of the database that publishing uses. CreateEvents commits each event with its deliveries, or nothing of it.
type Store interface {
	ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error)
	CreateEvents(ctx context.Context, publications []webhook.Publication) []error
	FindRecorded(ctx context.Context, organizationID string, hashes [][sha256.Size]byte) (map[[sha256.Size]byte]webhook.Recorded, error)
	ListPublished(ctx context.Context, organizationID string, eventIDs []string) (map[string][]webhook.Delivery, error)
}

// Queue enqueues deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Admission delays publishing while dispatchers are behind: admission.Gate. It returns when the given number of events may be committed,
// with a function to call after they were enqueued.
type Admission interface {
	Admit(ctx context.Context, organizationID string, events int) (done func(), err error)
}

// Publisher publishes events. It caches the active endpoints of an organization for cache.Lifetime. It is safe for concurrent use.
type Publisher struct {
	store     Store
	queue     Queue
	admission Admission
	written   metrics.Writes
	timeout   time.Duration                            // of one statement
	endpoints *cache.Cache[string, []webhook.Endpoint] // by organization
	commits   *groupcommit.Group[webhook.Publication, struct{}]
}

// Options configure a Publisher.
type Options struct {
	// Timeout bounds each statement. Defaults to 5 s.
	Timeout time.Duration
	// Admission defaults to one that admits all at once.
	Admission Admission
}

// open admits all at once.
type open struct{}

func (open) Admit(context.Context, string, int) (done func(), err error) { return func() {}, nil }

const defaultTimeout = 5 * time.Second

// New makes a Publisher.
func New(store Store, queue Queue, written metrics.Writes, o Options) *Publisher {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Admission == nil {
		o.Admission = open{}
	}
	p := &Publisher{
		store: store, queue: queue, admission: o.Admission, written: written, timeout: o.Timeout,
		endpoints: cache.New[string, []webhook.Endpoint](),
	}
	p.commits = groupcommit.New(func(ctx context.Context, publications []webhook.Publication) ([]struct{}, []error) {
		return make([]struct{}, len(publications)), p.create(ctx, publications)
	}, groupcommit.Options{MaxBatch: maxBatch, Timeout: o.Timeout})
	return p
}

// Events that are published at the same time share a commit if they are small. A large event would delay the others.
const (
	maxBatch        = 100
	smallData       = 16 << 10 // bytes
	smallDeliveries = 50
)

// Publish commits the event with its deliveries and then enqueues the deliveries. If it returns no error, the deliveries will be
// attempted, even if the queue loses them. An event whose idempotency key was used before is a duplicate, and nothing is created.
func (p *Publisher) Publish(ctx context.Context, organizationID string, spec webhook.EventSpec) (Published, error) {
	if err := spec.Check(); err != nil {
		return Published{}, err
	}
	endpoints, err := p.activeEndpoints(ctx, organizationID)
	if err != nil {
		return Published{}, err
	}
	done, err := p.admission.Admit(ctx, organizationID, 1)
	if err != nil {
		return Published{}, err
	}
	defer done()
	publication := publicationOf(organizationID, spec, endpoints)
	err = p.commit(ctx, publication)
	if errors.Is(err, webhook.ErrIdempotencyKeyTaken) {
		return p.settleOne(ctx, organizationID, publication)
	}
	if err != nil {
		return Published{}, err
	}
	p.queue.Enqueue(ctx, publication.Deliveries...)
	return Published{Publication: publication}, nil
}

// Invalidate removes the endpoints of an organization from the cache after one of them has changed.
func (p *Publisher) Invalidate(organizationID string) { p.endpoints.Invalidate(organizationID) }

// Close waits for the commits in progress, which may outlive their callers.
func (p *Publisher) Close() { p.commits.Close() }

// activeEndpoints returns a list that calls share and must not change.
func (p *Publisher) activeEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	return p.endpoints.Get(ctx, organizationID, func(ctx context.Context) ([]webhook.Endpoint, error) {
		return p.store.ListActiveEndpoints(ctx, organizationID)
	})
}

func publicationOf(organizationID string, spec webhook.EventSpec, endpoints []webhook.Endpoint) webhook.Publication {
	now := webhook.Now()
	publication := webhook.Publication{Event: webhook.NewEvent(organizationID, spec, now), Key: spec.Idempotency()}
	for _, endpoint := range endpoints {
		if webhook.Subscribes(endpoint.SubscribedEventTypes, spec.Type) {
			publication.Deliveries = append(publication.Deliveries, webhook.NewDelivery(publication.Event, endpoint, now))
		}
	}
	return publication
}

// commit is a span of the caller's trace, although the statement may be shared with other callers.
func (p *Publisher) commit(ctx context.Context, publication webhook.Publication) (err error) {
	ctx, span := tracing.Child(ctx, "keep", trace.SpanKindInternal, attribute.String("eventId", publication.Event.ID))
	defer func() { tracing.End(span, err) }()
	if len(publication.Event.Data) > smallData || len(publication.Deliveries) > smallDeliveries {
		return p.create(ctx, []webhook.Publication{publication})[0]
	}
	_, err = p.commits.Do(ctx, publication)
	return err
}

// create commits events and counts those that were committed.
func (p *Publisher) create(ctx context.Context, publications []webhook.Publication) []error {
	profile.Commit.Begin()
	defer profile.Accept.Begin() // a large event is written by the goroutine of its request
	failures := p.store.CreateEvents(ctx, publications)
	for i, publication := range publications {
		if failures[i] == nil {
			p.written.Events.Inc()
			p.written.Deliveries.Add(float64(len(publication.Deliveries)))
		}
	}
	p.written.PublishBatch(len(publications))
	return failures
}
