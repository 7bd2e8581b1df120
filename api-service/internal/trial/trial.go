// Package trial sends test deliveries: one event to one endpoint, over the ordinary path, whatever the endpoint subscribes to and also
// while it is paused or disabled. A test has no retries. Its caller waits for its end.
package trial

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

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

// defaultData is the data of a test that names none.
var defaultData = json.RawMessage(`{"message":"This is a test of your webhook endpoint."}`)

// Tester sends test deliveries. It is safe for concurrent use.
type Tester struct {
	store    Store
	queue    Queue
	patience time.Duration
}

// New makes a Tester.
func New(store Store, queue Queue, o Options) *Tester {
	return &Tester{store: store, queue: queue, patience: cmp.Or(o.Patience, defaultPatience)}
}

// Send commits and enqueues a test delivery. An empty type means webhook.EventTypeTest, and no data means a small object.
func (t *Tester) Send(ctx context.Context, organizationID, endpointID string, spec webhook.EventSpec) (webhook.Delivery, error) {
	spec.Type = cmp.Or(spec.Type, webhook.EventTypeTest)
	if spec.Data == nil {
		spec.Data = defaultData
	}
	if err := spec.CheckTest(); err != nil {
		return webhook.Delivery{}, err
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

// Await returns the delivery once it has ended, or as it is after Patience or when ctx ends. While the database is unavailable it looks again.
func (t *Tester) Await(ctx context.Context, delivery webhook.Delivery) (webhook.Record, error) {
	waiting, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	for pause := firstPause; waiting.Err() == nil; pause = min(2*pause, longestPause) {
		select {
		case <-waiting.Done():
		case <-time.After(pause):
		}
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
