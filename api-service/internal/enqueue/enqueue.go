// Package enqueue enqueues committed deliveries. The rows are in the database and the caller has to answer its request. A Redis that is
// unavailable or slow therefore delays the caller for a bounded time and causes no error: the dispatcher's reconciler enqueues every due
// delivery that is missing in the queue.
package enqueue

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"redrive/pkg/profile"
	"redrive/pkg/queue"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

const (
	// callerWait is the longest time that a caller waits for Redis.
	callerWait = 250 * time.Millisecond
	// deadline ends a call to Redis that continues in the background. It leaves room for two timeouts of 1.5 s.
	deadline = 3500 * time.Millisecond
	// concurrency bounds the connections that one call of Enqueue uses. asynq has no call that enqueues several tasks.
	concurrency = 16
	// maxInProgress bounds the calls in progress while Redis hangs. The reconciler enqueues the deliveries of further calls.
	maxInProgress = 256
)

// Queue puts deliveries of one lane into the queue. queue.Enqueuer implements it.
type Queue interface {
	EnqueueLane(ctx context.Context, items []queue.Item) ([]queue.Placement, error)
}

// Enqueuer enqueues committed deliveries. It is safe for concurrent use.
type Enqueuer struct {
	queue      Queue
	log        *slog.Logger
	inProgress chan struct{}
	group      sync.WaitGroup
	placed     *prometheus.CounterVec
	failed     prometheus.Counter
}

// New makes an Enqueuer and registers its metrics.
func New(q Queue, log *slog.Logger, registry prometheus.Registerer) *Enqueuer {
	e := &Enqueuer{
		queue:      q,
		log:        log,
		inProgress: make(chan struct{}, maxInProgress),
		placed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_enqueued_total", Help: "Deliveries enqueued after their commit, by the state in which the queue placed the task.",
		}, []string{"placement"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_enqueue_failures_total", Help: "Committed deliveries that could not be enqueued and are left to the reconciler.",
		}),
	}
	registry.MustRegister(e.placed, e.failed)
	for _, placement := range []queue.Placement{queue.Queued, queue.Backlogged, queue.AlreadyQueued, queue.Woken, queue.Active} {
		e.placed.WithLabelValues(string(placement)) // a rate needs a first sample of zero
	}
	return e
}

// Enqueue enqueues deliveries that have been committed. It returns when Redis has all of them, or after callerWait. In the latter case
// the call continues in the background.
func (e *Enqueuer) Enqueue(ctx context.Context, deliveries ...webhook.Delivery) {
	if len(deliveries) == 0 {
		return
	}
	select {
	case e.inProgress <- struct{}{}:
	default:
		e.failed.Add(float64(len(deliveries)))
		e.log.WarnContext(ctx, "too many enqueue calls in progress, left to the reconciler", "deliveryId", deliveries[0].ID, "deliveries", len(deliveries))
		return
	}
	done := make(chan struct{})
	e.group.Go(func() {
		defer func() { <-e.inProgress; close(done) }()
		profile.Enqueue.Begin()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
		defer cancel()
		e.enqueueAll(ctx, deliveries)
	})

	timer := time.NewTimer(callerWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func (e *Enqueuer) enqueueAll(ctx context.Context, deliveries []webhook.Delivery) {
	ctx, span := tracing.Child(ctx, "enqueue", trace.SpanKindProducer, attribute.Int("deliveries", len(deliveries)))
	defer span.End()
	var group errgroup.Group
	group.SetLimit(concurrency)
	var once sync.Once
	for _, lane := range queue.ByLane(deliveries) {
		group.Go(func() error {
			placements, err := e.enqueueLane(ctx, lane)
			for i, placement := range placements {
				e.placed.WithLabelValues(string(placement)).Inc()
				if placement == queue.Backlogged { // it has no task that would carry the trace
					tracing.LinkDelivery(ctx, lane[i].DeliveryID)
				}
			}
			if err == nil {
				return nil
			}
			e.failed.Add(float64(len(lane) - len(placements)))
			once.Do(func() { // one line for all deliveries of a call
				e.log.WarnContext(ctx, "enqueue failed, left to the reconciler", "deliveryId", lane[0].DeliveryID, "deliveries", len(deliveries), "error", err)
			})
			return nil
		})
	}
	_ = group.Wait() // the functions return no error
}

// enqueueLane enqueues the deliveries of one lane. A command on a connection that has died silently times out, and closes the other dead
// connections. So what has timed out is repeated once: it takes a new connection, and finds a task that it has made already.
func (e *Enqueuer) enqueueLane(ctx context.Context, lane []queue.Item) ([]queue.Placement, error) {
	placements, err := e.queue.EnqueueLane(ctx, lane)
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return placements, err
	}
	rest, err := e.queue.EnqueueLane(ctx, lane[len(placements):])
	return append(placements, rest...), err
}

// Wait returns when no call is in progress. Each call ends within seconds.
func (e *Enqueuer) Wait() { e.group.Wait() }
