// Package reconcile enqueues due deliveries that Redis has lost. Redis may lose any task at any time, and a process may crash between
// the commit of a delivery and its enqueueing. The rows of the database decide what is due.
//
// A pass compares deliveries that have been due for longer than an attempt takes with their tasks:
//
//	marker missing ─▶ Redis was emptied: rebuild, that is, put every lane with waiting deliveries into backlog, and set the marker
//	marker present ─▶ list overdue deliveries, without those that a lane in backlog still reaches, and look up the task of each
//	                    waiting, running            do nothing
//	                    missing, late, ended        enqueue, or make the task pending
//	                    orphan (no live worker)     count a lost attempt, enqueue
//	                    phantom (incomplete task)   enqueue
//
// A search runs beside the passes and finds tasks whose worker has died, so that a large backlog does not delay it:
//
//	read the lease of every active task
//	    changed since the last read       the worker is alive: do nothing
//	    unchanged for about 32 s          remove the task, count a lost attempt, enqueue at the front
//
// The search compares no clocks of different machines: each process measures for how long it has read the same lease.
//
// Every replica reconciles, without a leader. Enqueueing a queued delivery does nothing, and if two replicas find an orphan, one of them
// removes it. Only a rebuild is done by one replica at a time, since others would repeat the same work.
//
// After Redis was emptied, a delivery may be enqueued while a dispatcher still handles it. A second worker in the same process detects
// that and skips the delivery. One in another process sends it again, and the row's revision decides which outcome is recorded.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store lists deliveries that are due and finds those that wait for an attempt. store.Store implements it.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
	FindWaiting(ctx context.Context, ids []string) ([]store.Due, error)
	ListLanes(ctx context.Context, after webhook.Lane, limit int) ([]webhook.Lane, error)
}

// Lanes are the lanes in backlog. queue.Lanes implements it.
type Lanes interface {
	List(ctx context.Context) (map[webhook.Lane]queue.LaneState, error)
	Open(ctx context.Context, lanes []webhook.Lane) error
}

// Queue is what the Reconciler needs of the queue. queue.Enqueuer implements it.
type Queue interface {
	Tasks
	Leases
	Upkeep
	Rebuilds
}

// Tasks looks up and enqueues tasks.
type Tasks interface {
	LookUp(ctx context.Context, items []queue.Item, verify func(queue.Item) bool) ([]queue.TaskState, error)
	Enqueue(ctx context.Context, item queue.Item) (queue.Placement, error)
	EnqueueFirst(ctx context.Context, item queue.Item) (queue.Placement, error)
}

// Leases reads the leases of active tasks, and removes tasks whose worker has died.
type Leases interface {
	Leases(ctx context.Context, queue string) (leases []queue.Lease, now time.Time, err error)
	Reclaim(ctx context.Context, leases []queue.Lease) ([]queue.TaskState, error)
}

// Upkeep checks and maintains the queue as a whole.
type Upkeep interface {
	Intact(ctx context.Context) (bool, error)
	RegisterQueues(ctx context.Context, queues ...string) error
	TrimArchive(ctx context.Context, queue string) (int, error)
}

// Rebuilds coordinates rebuilds between replicas.
type Rebuilds interface {
	BeginRebuild(ctx context.Context) (token string, err error)
	RenewRebuild(ctx context.Context, token string) error
	MarkIntact(ctx context.Context, token string) error
	AbandonRebuild(ctx context.Context, token string) error
}

// Orphans counts attempts that were started and have no recorded outcome.
type Orphans interface {
	// Orphaned counts one such attempt of the delivery. Too many end the delivery.
	Orphaned(ctx context.Context, deliveryID string) error
}

// Options of a Reconciler.
type Options struct {
	// Interval is the time between passes. It varies at random by a tenth, so that replicas do not run passes together. Defaults to 5 s.
	Interval time.Duration
	// Grace is how long a delivery must have been due for a pass to consider it. It must be longer than an attempt can take. Required.
	Grace time.Duration
	// PerPass bounds how many deliveries one pass looks up. The next pass continues after the last one. Defaults to 10,000.
	PerPass int
	Log     *slog.Logger
	// RedisUnavailable reports whether Redis is known to be unavailable. The caller logs that itself, so the Reconciler does not log
	// errors of Redis meanwhile. Defaults to a function that returns false.
	RedisUnavailable func() bool
}

const (
	defaultInterval = 5 * time.Second
	defaultPerPass  = 10_000
	// After an error, the next try comes soon, since Redis may be available again and empty. The pause doubles from firstPause to
	// longestPause, with jitter so that replicas do not retry together.
	firstPause   = 500 * time.Millisecond
	longestPause = 2 * time.Second
	// trimInterval is the time between removals of old entries from the archive.
	trimInterval = time.Hour
)

// Reconciler runs passes and searches. Start and Stop must not be called concurrently.
type Reconciler struct {
	store      Store
	queue      Queue
	lanes      Lanes
	orphans    Orphans
	options    Options
	metrics    metrics
	cursor     store.Due // the last delivery of the pass before; zero to begin with the first
	stuck      int       // how many deliveries the last pass found overdue for longer than stuckAfter
	trimAt     time.Time
	leases     leaseTracker
	soon       chan struct{} // receives when a pass is to begin now
	background lifecycle.Background
}

// New returns a Reconciler and registers its metrics.
func New(store Store, queue Queue, lanes Lanes, orphans Orphans, options Options, registry prometheus.Registerer) *Reconciler {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	if options.PerPass == 0 {
		options.PerPass = defaultPerPass
	}
	if options.RedisUnavailable == nil {
		options.RedisUnavailable = func() bool { return false }
	}
	return &Reconciler{
		store: store, queue: queue, lanes: lanes, orphans: orphans, options: options, metrics: newMetrics(registry),
		soon: make(chan struct{}, 1),
	}
}

// PassSoon makes the next pass begin now, or after the one in progress: Redis seems to have been emptied. It does not block.
func (r *Reconciler) PassSoon() {
	select {
	case r.soon <- struct{}{}:
	default:
	}
}

// Start runs a pass and a search at once, and then each at its interval, until Stop is called.
func (r *Reconciler) Start() {
	r.trimAt = time.Now().Add(rand.N(trimInterval))
	r.background.Start(func(ctx context.Context) {
		var group sync.WaitGroup
		group.Go(func() { r.repeat(ctx, "pass", r.options.Interval, r.soon, r.passAndTrim) })
		group.Go(func() { r.repeat(ctx, "orphan search", searchInterval, nil, r.search) })
		group.Wait()
	})
}

// Stop cancels the pass and the search in progress and waits for them until ctx ends. A call to Redis can delay them for some seconds.
// Stop may be called before Start, and more than once.
func (r *Reconciler) Stop(ctx context.Context) error {
	if err := r.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the pass in progress: %w", err)
	}
	return nil
}

// repeat calls do at the interval, sooner after an error, and at once when soon receives, until ctx ends. It logs the first of several
// failures and the first success after them. While Redis is unavailable, it logs only failures of the database.
func (r *Reconciler) repeat(ctx context.Context, part string, interval time.Duration, soon <-chan struct{}, do func(context.Context) error) {
	first := lifecycle.Backoff{First: firstPause, Longest: longestPause}
	failing, pauses := false, first
	for {
		wait := interval*9/10 + rand.N(interval/5+1)
		err := do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.metrics.failures.Inc()
			pause := pauses.Next()
			wait = min(wait, pause/2+rand.N(pause))
			if !failing && (!r.options.RedisUnavailable() || isDatabase(err)) {
				failing = true
				r.options.Log.WarnContext(ctx, "reconcile failed, retrying", "part", part, "error", err)
			}
		case failing:
			failing = false
			r.options.Log.InfoContext(ctx, "reconcile succeeded again", "part", part)
		}
		if err == nil {
			pauses = first
		}

		select {
		case <-ctx.Done():
			return
		case <-soon:
		case <-time.After(wait):
		}
	}
}

// isDatabase reports whether the error means that the database is unavailable.
func isDatabase(err error) bool { return webhook.CodeOf(err) == webhook.CodeUnavailable }

// passAndTrim runs a pass and, every trimInterval, trims the archive after it.
func (r *Reconciler) passAndTrim(ctx context.Context) error {
	if err := r.Pass(ctx); err != nil || time.Now().Before(r.trimAt) {
		return err
	}
	r.trimAt = time.Now().Add(trimInterval)
	return r.trim(ctx)
}
