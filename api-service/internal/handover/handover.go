// Package handover takes committed deliveries to the queue. The caller has its rows in the database and is owed an answer:
// a Redis that is away or hangs costs it a bounded moment and no error, for the dispatcher's reconciler finds every row that
// is due and was not enqueued.
package handover

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"redrive/pkg/queue"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

const (
	// patience is what a caller waits for Redis at most.
	patience = 250 * time.Millisecond
	// deadline ends a hand-over that nobody waits for any more.
	deadline = 2 * time.Second
	// concurrency bounds the connections that one fan-out takes: asynq has no enqueueing in batches.
	concurrency = 16
	// maxUnderWay bounds the hand-overs under way while Redis hangs. What is over it is left to the reconciler.
	maxUnderWay = 256
)

// Enqueuer is what the queue does for us: queue.Enqueuer.
type Enqueuer interface {
	EnqueueSettled(ctx context.Context, item queue.Item) (queue.Placement, error)
}

// Handover is safe for concurrent use.
type Handover struct {
	enqueuer Enqueuer
	log      *slog.Logger
	underWay chan struct{}
	group    sync.WaitGroup
	placed   *prometheus.CounterVec
	failed   prometheus.Counter
}

// New makes a Handover and registers its metrics.
func New(enqueuer Enqueuer, log *slog.Logger, registry prometheus.Registerer) *Handover {
	h := &Handover{
		enqueuer: enqueuer,
		log:      log,
		underWay: make(chan struct{}, maxUnderWay),
		placed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_enqueued_total", Help: "Deliveries handed to the queue after their commit, by where their task was put.",
		}, []string{"placement"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_enqueue_failures_total", Help: "Committed deliveries that Redis did not take and the reconciler will.",
		}),
	}
	registry.MustRegister(h.placed, h.failed)
	for _, placement := range []queue.Placement{queue.Queued, queue.AlreadyQueued, queue.Woken, queue.Active} {
		h.placed.WithLabelValues(string(placement)) // so that a rate can be taken from the beginning
	}
	return h
}

// Enqueue hands over deliveries that have just been committed. It returns when Redis has them or when the caller has waited
// long enough; the rest goes on in the background.
func (h *Handover) Enqueue(ctx context.Context, deliveries ...webhook.Delivery) {
	if len(deliveries) == 0 {
		return
	}
	select {
	case h.underWay <- struct{}{}:
	default:
		h.failed.Add(float64(len(deliveries)))
		h.log.WarnContext(ctx, "the queue is not keeping up: left to the reconciler", "deliveryId", deliveries[0].ID, "deliveries", len(deliveries))
		return
	}
	done := make(chan struct{})
	h.group.Go(func() {
		defer func() { <-h.underWay; close(done) }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
		defer cancel()
		h.enqueueAll(ctx, deliveries)
	})

	patient := time.NewTimer(patience)
	defer patient.Stop()
	select {
	case <-done:
	case <-patient.C:
	}
}

func (h *Handover) enqueueAll(ctx context.Context, deliveries []webhook.Delivery) {
	ctx, span := tracing.Child(ctx, "enqueue", trace.SpanKindProducer, attribute.Int("deliveries", len(deliveries)))
	defer span.End()
	var group errgroup.Group
	group.SetLimit(concurrency)
	var once sync.Once
	for _, delivery := range deliveries {
		group.Go(func() error {
			placement, err := h.enqueuer.EnqueueSettled(ctx, itemOf(delivery))
			if err == nil {
				h.placed.WithLabelValues(string(placement)).Inc()
				return nil
			}
			h.failed.Inc()
			once.Do(func() { // one line for a fan-out, however wide
				h.log.WarnContext(ctx, "could not enqueue: left to the reconciler", "deliveryId", delivery.ID, "deliveries", len(deliveries), "error", err)
			})
			return nil
		})
	}
	_ = group.Wait() // each failure has been dealt with
}

// itemOf expects a delivery that waits to be sent. One that waits although it was attempted has been retried by hand.
func itemOf(d webhook.Delivery) queue.Item {
	return queue.Item{DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt, Ended: d.Status == webhook.StatusPending && d.LastAttemptID != ""}
}

// Wait returns when no hand-over is under way: each ends by itself within seconds.
func (h *Handover) Wait() { h.group.Wait() }
