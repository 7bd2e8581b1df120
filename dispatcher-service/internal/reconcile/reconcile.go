// Package reconcile puts rows back into the queue that are due and do not move. The queue can lose anything at any time, and
// a commit can be followed by a crash before its task was enqueued: the database knows what is due, and that is enough.
//
// A pass looks at what has been due for longer than an attempt takes. When Redis has been emptied, which a missing marker
// tells, there is no need to wait for that: everything that waits is enqueued at once, and only then is the marker set.
//
// It runs in every replica. There is no leader: enqueueing a delivery that is queued already does nothing.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store lists what is due.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
}

// Queue enqueues what is not queued.
type Queue interface {
	Enqueue(ctx context.Context, item queue.Item) (queue.Placement, error)
	Announce(ctx context.Context, queues ...string) error
	Intact(ctx context.Context) (bool, error)
	MarkIntact(ctx context.Context) error
}

// Options of a Reconciler.
type Options struct {
	// Interval between passes. Defaults to 5 s.
	Interval time.Duration
	// Grace is how long a delivery may be due before it is looked at: longer than an attempt can take. Required.
	Grace time.Duration
	// PerPass bounds how many rows one pass asks Redis about; the next pass goes on where it ended. Defaults to 10,000.
	PerPass int
	Log     *slog.Logger
}

const (
	defaultInterval = 5 * time.Second
	defaultPerPass  = 10_000
	batch           = 500
	concurrency     = 16
	listTimeout     = 10 * time.Second
	// anyTime from now is later than any delivery's next attempt.
	anyTime = 10 * 365 * 24 * time.Hour
)

// Reconciler runs passes until it is stopped.
type Reconciler struct {
	store   Store
	queue   Queue
	options Options
	cursor  store.Due
	found   *prometheus.CounterVec
	failed  prometheus.Counter
	cancel  context.CancelFunc
	stopped chan struct{}
}

// New makes a Reconciler and registers its metrics.
func New(store Store, queue Queue, options Options, registry prometheus.Registerer) *Reconciler {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	if options.PerPass == 0 {
		options.PerPass = defaultPerPass
	}
	r := &Reconciler{
		store: store, queue: queue, options: options,
		found: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_reconciled_total", Help: "Deliveries that the reconciler looked at, by where their task was found or put.",
		}, []string{"placement"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_reconcile_failures_total", Help: "Passes of the reconciler that ended early because the database or Redis was away.",
		}),
	}
	registry.MustRegister(r.found, r.failed)
	return r
}

// Start runs a pass at once and then one at every interval.
func (r *Reconciler) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.stopped = cancel, make(chan struct{})
	go func() {
		defer close(r.stopped)
		ticker := time.NewTicker(r.options.Interval)
		defer ticker.Stop()
		for {
			if err := r.Pass(ctx); err != nil && ctx.Err() == nil {
				r.failed.Inc()
				r.options.Log.WarnContext(ctx, "reconciling was cut short and goes on with the next pass", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
}

// Stop ends the pass under way, which Redis can hold up for some seconds, and returns. It may be called before Start, and
// again.
func (r *Reconciler) Stop(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	select {
	case <-r.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the pass under way: %w", ctx.Err())
	}
}

// Pass rebuilds the queue if Redis has been emptied. Otherwise it enqueues up to PerPass overdue deliveries, from where the
// pass before it ended, and begins anew once it has reached the end.
func (r *Reconciler) Pass(ctx context.Context) error {
	if err := r.queue.Announce(ctx, webhook.QueueDeliveries); err != nil {
		return err
	}
	intact, err := r.queue.Intact(ctx)
	switch {
	case err != nil:
		return err
	case !intact:
		return r.rebuild(ctx)
	}
	r.cursor, err = r.walk(ctx, webhook.Now().Add(-r.options.Grace), r.cursor, r.options.PerPass)
	return err
}

// rebuild enqueues everything that waits, for the time at which it is due. One that is cut short is begun again by the next
// pass: enqueueing twice does nothing.
func (r *Reconciler) rebuild(ctx context.Context) error {
	r.options.Log.InfoContext(ctx, "the queue is new or was emptied: filling it with everything that waits")
	if _, err := r.walk(ctx, webhook.Now().Add(anyTime), store.Due{}, math.MaxInt); err != nil {
		return err
	}
	return r.queue.MarkIntact(ctx)
}

// walk enqueues up to limit deliveries that are due by a time, from behind the cursor on. It returns the cursor to go on
// from: the zero one once there is nothing left, and the last that is done with when it was cut short.
func (r *Reconciler) walk(ctx context.Context, by time.Time, cursor store.Due, limit int) (store.Due, error) {
	placed := map[queue.Placement]int{}
	defer func() { r.report(ctx, placed) }()
	for limit > 0 {
		size := min(batch, limit)
		due, err := r.list(ctx, by, cursor, size)
		if err != nil {
			return cursor, err
		}
		if err := r.enqueue(ctx, due, placed); err != nil {
			return cursor, err
		}
		if len(due) < size {
			return store.Due{}, nil
		}
		cursor = due[len(due)-1]
		limit -= size
	}
	return cursor, nil
}

// list gives up on a database that takes connections and then says nothing: the next pass tries again.
func (r *Reconciler) list(ctx context.Context, by time.Time, cursor store.Due, limit int) ([]store.Due, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return r.store.ListDue(ctx, by, cursor, limit)
}

// enqueue asks Redis about a batch, several at a time. Redis being away ends it, and the cursor stays; one task that Redis
// cannot make sense of is left to the next round, and holds up no other.
func (r *Reconciler) enqueue(ctx context.Context, due []store.Due, placed map[queue.Placement]int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrency)
	var mutex sync.Mutex
	for _, d := range due {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			placement, err := r.queue.Enqueue(ctx, queue.Item{DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt})
			if err != nil {
				if away := r.queue.Announce(ctx, webhook.QueueDeliveries); away != nil {
					return err
				}
				r.options.Log.WarnContext(ctx, "a delivery could not be put back into the queue", "deliveryId", d.ID, "error", err)
				return nil
			}
			mutex.Lock()
			defer mutex.Unlock()
			placed[placement]++
			return nil
		})
	}
	return group.Wait()
}

func (r *Reconciler) report(ctx context.Context, placed map[queue.Placement]int) {
	for placement, count := range placed {
		r.found.WithLabelValues(string(placement)).Add(float64(count))
	}
	if recovered := placed[queue.Queued] + placed[queue.Woken]; recovered > 0 {
		r.options.Log.InfoContext(ctx, "put deliveries back into the queue", "deliveries", recovered)
	}
}
