// Package reconcile puts rows back into the queue that are due and do not move. The queue can lose anything at any time, and
// a commit can be followed by a crash before its task was enqueued: the database knows what is due, and that is enough.
//
//	marker gone ──> rebuild: enqueue all that waits, due or not ──> set the marker
//	marker there ─> pass: list what has been due for longer than an attempt takes
//	                      look at the task of each
//	                        waiting, running            nothing
//	                        missing, late, ended        enqueue, or wake
//	                        orphan (its worker died)    count the attempt, enqueue
//	                        phantom (a part was lost)   enqueue
//
// It runs in every replica. There is no leader: enqueueing a delivery that is queued already does nothing, and of two that find
// an orphan one removes it. Only a rebuild is one replica's at a time, for it would be the same work for all.
//
// After Redis was emptied, a delivery is enqueued while a dispatcher is at it that took it before. A run in the same process
// finds that out; one in another sends it again, and the row decides which of the two outcomes counts.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
	"redrive/pkg/store"
)

// Store lists what is due.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
}

// Queue shows what is queued and enqueues what is not: queue.Enqueuer.
type Queue interface {
	Look(ctx context.Context, items []queue.Item, verify func(queue.Item) bool) ([]queue.Sight, error)
	Enqueue(ctx context.Context, item queue.Item) (queue.Placement, error)
	TrimArchive(ctx context.Context, queue string) (int, error)
	Announce(ctx context.Context, queues ...string) error
	Intact(ctx context.Context) (bool, error)
	BeginRebuild(ctx context.Context) (token string, err error)
	HoldRebuild(ctx context.Context, token string) error
	MarkIntact(ctx context.Context, token string) error
}

// Orphans is told of attempts that ended without an outcome.
type Orphans interface {
	Orphaned(ctx context.Context, deliveryID string) error
}

// Options of a Reconciler.
type Options struct {
	// Interval between passes, give or take a tenth, so that a fleet does not march in step. Defaults to 5 s.
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
	// soonest is when to try again after an error: what was away may be back and empty.
	soonest = time.Second
	// trimInterval is how often old entries are looked for in the archive.
	trimInterval = time.Hour
)

// Reconciler runs passes until it is stopped.
type Reconciler struct {
	store   Store
	queue   Queue
	orphans Orphans
	options Options
	metrics metrics
	cursor  store.Due
	// stuck is how many rows the last pass found overdue for minutes.
	stuck   int
	cancel  context.CancelFunc
	stopped chan struct{}
}

// New makes a Reconciler and registers its metrics.
func New(store Store, queue Queue, orphans Orphans, options Options, registry prometheus.Registerer) *Reconciler {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	if options.PerPass == 0 {
		options.PerPass = defaultPerPass
	}
	return &Reconciler{store: store, queue: queue, orphans: orphans, options: options, metrics: newMetrics(registry)}
}

// Start runs a pass at once and then one at every interval.
func (r *Reconciler) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.stopped = cancel, make(chan struct{})
	go func() {
		defer close(r.stopped)
		r.run(ctx)
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

// run says once that passes begin to fail, and once that they do so no more.
func (r *Reconciler) run(ctx context.Context) {
	failing := false
	trimAt := time.Now().Add(rand.N(trimInterval))
	for {
		wait := r.options.Interval
		err := r.Pass(ctx)
		if err == nil && time.Now().After(trimAt) {
			err = r.trim(ctx)
			trimAt = time.Now().Add(trimInterval)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.metrics.failures.Inc()
			wait = min(wait, soonest)
			if !failing {
				r.options.Log.WarnContext(ctx, "reconciling was cut short and is tried again until it succeeds", "error", err)
			}
		case failing:
			r.options.Log.InfoContext(ctx, "reconciling succeeds again")
		}
		failing = err != nil

		select {
		case <-ctx.Done():
			return
		case <-time.After(wait*9/10 + rand.N(wait/5+1)):
		}
	}
}
