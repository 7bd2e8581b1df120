package explain

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

const (
	// redisWait is how long an explanation waits for Redis. Redis normally answers within a millisecond.
	redisWait = 500 * time.Millisecond
	// secondLook is the pause before Redis is read again because a report of a dispatcher may be missing. Dispatchers report every second.
	secondLook = 1300 * time.Millisecond
	// tries bounds how often the facts are read again because the delivery has changed while they were read.
	tries = 3
)

// Store reads deliveries: store.Store.
type Store interface {
	FindExplained(ctx context.Context, organizationID, id string) (webhook.Explained, error)
	FindRevision(ctx context.Context, organizationID, id string) (int64, error)
}

// Queue reads the state in Redis: queue.Lanes.
type Queue interface {
	ReadSituation(ctx context.Context, d webhook.Delivery) (queue.Situation, error)
}

// Explainer explains deliveries. It is safe for concurrent use.
type Explainer struct {
	store Store
	queue Queue
	log   *slog.Logger
}

// New makes an Explainer.
func New(store Store, queue Queue, log *slog.Logger) *Explainer { return &Explainer{store, queue, log} }

// Explain returns the explanation of one delivery of the organization and the facts that it is made of. If Redis cannot be read, the
// explanation says so. An error means that the database has no such delivery, or cannot be read.
func (e *Explainer) Explain(ctx context.Context, organizationID, id string) (Explanation, Facts, error) {
	for try := 1; ; try++ {
		f, err := e.read(ctx, organizationID, id)
		if err != nil {
			return Explanation{}, f, err
		}
		revision, err := e.store.FindRevision(ctx, organizationID, id)
		if err != nil {
			return Explanation{}, f, err
		}
		if revision == f.Record.Delivery.Revision || try == tries {
			return Decide(f), f, nil
		}
	}
}

// read reads the facts: first the database, then Redis.
func (e *Explainer) read(ctx context.Context, organizationID, id string) (Facts, error) {
	explained, err := e.store.FindExplained(ctx, organizationID, id)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Explained: explained, Queue: e.situation(ctx, explained.Record.Delivery), Now: webhook.Now()}
	if f.uncertain() {
		if err := lifecycle.Sleep(ctx, secondLook); err != nil {
			return Facts{}, webhook.Unavailable(0, err)
		}
		f.Queue, f.Now = e.situation(ctx, explained.Record.Delivery), webhook.Now()
	}
	return f, nil
}

// situation returns the state in Redis, or nil if Redis does not answer within redisWait. The client may take longer to close a connection.
func (e *Explainer) situation(ctx context.Context, d webhook.Delivery) *queue.Situation {
	ctx, cancel := context.WithTimeout(ctx, redisWait)
	defer cancel()
	type reply struct {
		situation queue.Situation
		err       error
	}
	replies := make(chan reply, 1)
	go func() {
		situation, err := e.queue.ReadSituation(ctx, d)
		replies <- reply{situation, err}
	}()
	select {
	case r := <-replies:
		if r.err == nil {
			return &r.situation
		}
		e.log.WarnContext(ctx, "situation of a delivery not read from Redis", "deliveryId", d.ID, "error", r.err)
	case <-ctx.Done():
		e.log.WarnContext(ctx, "situation of a delivery not read from Redis in time", "deliveryId", d.ID, "error", fmt.Errorf("wait for Redis: %w", ctx.Err()))
	}
	return nil
}
