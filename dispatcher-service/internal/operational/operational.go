// Package operational enqueues the deliveries of operational events after their commit, and publishes the counts of exhausted deliveries that
// are due. Every replica runs it, and the database publishes each count once.
package operational

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Store publishes exhausted deliveries. store.Store implements it.
type Store interface {
	// PublishExhausted returns for how many endpoints it has published, at most limit.
	PublishExhausted(ctx context.Context, now time.Time, limit int) (int, error)
}

// Queue puts deliveries of one lane into the queue. queue.Enqueuer implements it.
type Queue interface {
	EnqueueLane(ctx context.Context, items []queue.Item) ([]queue.Placement, error)
}

const (
	interval = 5 * time.Second
	// batch bounds the transactions of one call.
	batch = 50
	// waiting bounds the deliveries that wait for Redis. The reconciler enqueues those beyond.
	waiting      = 1024
	batchTimeout = 10 * time.Second
	queueTimeout = 2 * time.Second
)

// Publisher works between Start and Stop.
type Publisher struct {
	store      Store
	queue      Queue
	log        *slog.Logger
	deliveries chan webhook.Delivery
	failures   lifecycle.Streak
	background lifecycle.Background
}

// New makes a Publisher.
func New(store Store, q Queue, log *slog.Logger) *Publisher {
	return &Publisher{store: store, queue: q, log: log, deliveries: make(chan webhook.Delivery, waiting)}
}

// Enqueue has deliveries enqueued that were committed. It does not block and is safe for concurrent use. A delivery that is not enqueued is
// left to the reconciler.
func (p *Publisher) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	for _, d := range deliveries {
		select {
		case p.deliveries <- d:
		default:
			return
		}
	}
}

// Start works until Stop is called.
func (p *Publisher) Start() {
	p.background.Start(func(ctx context.Context) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case d := <-p.deliveries:
				p.enqueue(ctx, d)
			case <-ticker.C:
				p.failures.Report(ctx, p.log, p.Run(ctx), "exhausted deliveries not published, retrying", "exhausted deliveries are published again")
			}
		}
	})
}

// Stop cancels the work in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (p *Publisher) Stop(ctx context.Context) error {
	if err := p.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the operational events: %w", err)
	}
	return nil
}

// Run publishes the counts that are due now.
func (p *Publisher) Run(ctx context.Context) error {
	for {
		published, err := p.one(ctx)
		if err != nil || published < batch {
			return err
		}
	}
}

func (p *Publisher) one(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	return p.store.PublishExhausted(ctx, webhook.Now(), batch)
}

func (p *Publisher) enqueue(ctx context.Context, d webhook.Delivery) {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if _, err := p.queue.EnqueueLane(ctx, []queue.Item{queue.ItemOf(d)}); err != nil {
		p.log.WarnContext(ctx, "delivery of an operational event not enqueued, left to the reconciler", "deliveryId", d.ID, "error", err)
	}
}
