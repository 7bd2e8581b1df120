// Package reconcile puts rows back into the queue that are due and do not move. The queue can lose anything at any time, and
// a commit can be followed by a crash before its task was enqueued: the database knows what is due, and that is enough.
//
//	marker gone ──> rebuild: enqueue all that waits, due or not ──> set the marker
//	marker there ─> pass: list what has been due for longer than an attempt takes
//	                      look at the task of each
//	                        waiting, running            nothing
//	                        missing, late, ended        enqueue, or wake
//	                        orphan (nobody has it)      count the attempt, enqueue
//	                        phantom (a part was lost)   enqueue
//
// A worker that died is found beside the passes, so that no backlog is in the way:
//
//	search: read the lease of every task in flight
//	          it moves: its worker lives             nothing
//	          it has stood still for too long        take the task away, count the attempt, enqueue it first
//
// No clock is compared with another's for that: how long a lease has stood still is measured where it is looked at.
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
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store lists what is due, and finds what waits.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
	FindWaiting(ctx context.Context, ids []string) ([]store.Due, error)
}

// Queue shows what is queued and enqueues what is not: queue.Enqueuer.
type Queue interface {
	LookUp(ctx context.Context, items []queue.Item, verify func(queue.Item) bool) ([]queue.TaskState, error)
	Leases(ctx context.Context, queue string) (leases []queue.Lease, now time.Time, err error)
	Reclaim(ctx context.Context, leases []queue.Lease) ([]queue.TaskState, error)
	Enqueue(ctx context.Context, item queue.Item) (queue.Placement, error)
	EnqueueFirst(ctx context.Context, item queue.Item) (queue.Placement, error)
	TrimArchive(ctx context.Context, queue string) (int, error)
	RegisterQueues(ctx context.Context, queues ...string) error
	Intact(ctx context.Context) (bool, error)
	BeginRebuild(ctx context.Context) (token string, err error)
	RenewRebuild(ctx context.Context, token string) error
	MarkIntact(ctx context.Context, token string) error
	AbandonRebuild(ctx context.Context, token string) error
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
	// RedisUnavailable says whether Redis is away, which is logged elsewhere. Defaults to never.
	RedisUnavailable func() bool
}

const (
	defaultInterval = 5 * time.Second
	defaultPerPass  = 10_000
	// After an error it is tried again soon, for what was away may be back and empty, and not by the whole fleet at once.
	firstPause   = 500 * time.Millisecond
	longestPause = 2 * time.Second
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
	trimAt  time.Time
	lookout lookout
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
	if options.RedisUnavailable == nil {
		options.RedisUnavailable = func() bool { return false }
	}
	return &Reconciler{store: store, queue: queue, orphans: orphans, options: options, metrics: newMetrics(registry)}
}

// Start runs a pass and a search at once, and then one of each at its interval.
func (r *Reconciler) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.stopped = cancel, make(chan struct{})
	r.trimAt = time.Now().Add(rand.N(trimInterval))
	var group sync.WaitGroup
	group.Go(func() { r.repeat(ctx, "passes", r.options.Interval, r.passAndTrim) })
	group.Go(func() { r.repeat(ctx, "the search for orphans", searchInterval, r.search) })
	go func() {
		defer close(r.stopped)
		group.Wait()
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

// repeat logs once that what it does begins to fail, and once that it does so no more. While Redis is away, only the
// failures of the database are logged.
func (r *Reconciler) repeat(ctx context.Context, part string, interval time.Duration, do func(context.Context) error) {
	failing, pause := false, firstPause
	for {
		wait := interval*9/10 + rand.N(interval/5+1)
		err := do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.metrics.failures.Inc()
			wait = min(wait, pause/2+rand.N(pause))
			pause = min(2*pause, longestPause)
			if !failing && (!r.options.RedisUnavailable() || isDatabase(err)) {
				failing = true
				r.options.Log.WarnContext(ctx, "reconciling was cut short and is tried again until it succeeds", "part", part, "error", err)
			}
		case failing:
			failing = false
			r.options.Log.InfoContext(ctx, "reconciling succeeds again", "part", part)
		}
		if err == nil {
			pause = firstPause
		}

		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// isDatabase reports whether the error means that the database is away.
func isDatabase(err error) bool { return webhook.CodeOf(err) == webhook.CodeUnavailable }

func (r *Reconciler) passAndTrim(ctx context.Context) error {
	if err := r.Pass(ctx); err != nil || time.Now().Before(r.trimAt) {
		return err
	}
	r.trimAt = time.Now().Add(trimInterval)
	return r.trim(ctx)
}
