// Package trial sends test deliveries: one event to one endpoint, over the ordinary path, whatever the endpoint subscribes to and also
// while it is paused or disabled. A test has no retries. Its caller waits for its end.
package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// Store is the part of the database that tests use.
type Store interface {
	// ReserveTest returns the endpoint, or an error with the code rate_limited if it was tested within webhook.TestInterval.
	ReserveTest(ctx context.Context, organizationID, endpointID string) (webhook.Endpoint, error)
	CreateEvent(ctx context.Context, event webhook.Event, deliveries []webhook.Delivery) error
	FindStatus(ctx context.Context, organizationID, deliveryID string) (webhook.Status, error)
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
}

// Catalogue is the catalogue of event types.
type Catalogue interface {
	// FindEventType returns an event type, or an error with the code not_found.
	FindEventType(ctx context.Context, name string) (webhook.EventType, error)
}

// Queue enqueues deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Options of a Tester.
type Options struct {
	// Patience is how long a caller waits for the end of its test. Defaults to 20 s.
	Patience time.Duration
}

const (
	defaultPatience = 20 * time.Second
	// firstPause and longestPause are the times between two looks at a test, which double.
	firstPause, longestPause = 10 * time.Millisecond, 250 * time.Millisecond
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
)

// defaultData is the data of a test that names none, of an event type without a sample.
var defaultData = json.RawMessage(`{"message":"This is a test of your webhook endpoint."}`)

// Tester sends test deliveries. It is safe for concurrent use.
type Tester struct {
	store     Store
	catalogue Catalogue
	queue     Queue
	patience  time.Duration
}

// New makes a Tester.
func New(store Store, catalogue Catalogue, queue Queue, o Options) *Tester {
	return &Tester{store: store, catalogue: catalogue, queue: queue, patience: cmp.Or(o.Patience, defaultPatience)}
}

// Send commits and enqueues a test delivery. An empty type means webhook.EventTypeTest. No data means the catalogue's sample of the type, or
// a small object if there is none.
func (t *Tester) Send(ctx context.Context, organizationID, endpointID string, spec webhook.EventSpec) (webhook.Delivery, error) {
	spec.Type = cmp.Or(spec.Type, webhook.EventTypeTest)
	byDefault := spec.Data == nil
	if byDefault {
		spec.Data = defaultData
	}
	if err := spec.CheckTest(); err != nil {
		return webhook.Delivery{}, err
	}
	if byDefault {
		sample, err := t.sample(ctx, spec.Type)
		if err != nil {
			return webhook.Delivery{}, err
		}
		spec.Data = sample
	}
	endpoint, err := t.store.ReserveTest(ctx, organizationID, endpointID)
	if err != nil {
		return webhook.Delivery{}, err
	}
	now := webhook.Now()
	event := webhook.NewEvent(organizationID, spec, now)
	delivery := webhook.NewTest(event, endpoint, now)
	if err := t.store.CreateEvent(ctx, event, []webhook.Delivery{delivery}); err != nil {
		return webhook.Delivery{}, err
	}
	t.queue.Enqueue(ctx, delivery)
	return delivery, nil
}

// sample returns the default data of an event type.
func (t *Tester) sample(ctx context.Context, eventType string) (json.RawMessage, error) {
	found, err := t.catalogue.FindEventType(ctx, eventType)
	switch {
	case err == nil && len(found.Sample) > 0:
		return found.Sample, nil
	case err == nil, webhook.CodeOf(err) == webhook.CodeNotFound:
		return defaultData, nil
	}
	return nil, err
}

// Await returns the delivery once it has ended, or its state after Patience or at the end of ctx. It polls also while the database is
// unavailable.
func (t *Tester) Await(ctx context.Context, delivery webhook.Delivery) (webhook.Record, error) {
	waiting, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	pauses := lifecycle.Backoff{First: firstPause, Longest: longestPause}
	for waiting.Err() == nil {
		_ = pauses.Sleep(waiting) // the loop ends with it
		if t.ended(waiting, delivery) {
			break
		}
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer done()
	return t.store.FindDelivery(ctx, delivery.OrganizationID, delivery.ID)
}

func (t *Tester) ended(ctx context.Context, delivery webhook.Delivery) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	status, err := t.store.FindStatus(ctx, delivery.OrganizationID, delivery.ID)
	return err == nil && !status.Waiting()
}
