// Package bulkjob makes the steps of bulk jobs. Every replica runs it. The state of a job is in its row, and a step begins with a lease of
// the job, so that one replica makes the next step. The jobs of all organizations take turns: the step that has been due for longest comes
// first.
//
//	lease ─▶ count on, until the total is known ─────────────▶ the next step is due at once
//	      └▶ handle the next deliveries, commit with the progress ─▶ enqueue them ─▶ the next step is due when the pace allows it
//	      └▶ nothing follows: count the outcome and end the job
//
// What a crash leaves behind:
//
//	before the commit    nothing has happened; the lease expires, and another replica makes the step
//	after the commit     the deliveries wait in the database; the reconciler finds those that are due and were not enqueued
//
// Requeued deliveries have the lowest priority of their organization, and wait in lanes of their own. Package claim serves them.
package bulkjob

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store leases jobs and makes their steps. store.Store implements it.
type Store interface {
	LeaseBulkJob(ctx context.Context, lease time.Duration) (*store.BulkLease, error)
	StepBulkJob(ctx context.Context, leased *store.BulkLease) (*store.BulkStep, error)
	ReleaseBulkJob(ctx context.Context, leased *store.BulkLease, wait time.Duration) error
	CountBulkJobs(ctx context.Context) (int64, error)
}

// Queue puts deliveries of one lane into the queue. queue.Enqueuer implements it.
type Queue interface {
	EnqueueLane(ctx context.Context, items []queue.Item) ([]queue.Placement, error)
}

// Options of a Runner.
type Options struct {
	// Store and Queue are required.
	Store Store
	Queue Queue
	// Log defaults to slog.Default.
	Log *slog.Logger
	// RedisLog is for failures of Redis. Defaults to Log.
	RedisLog *slog.Logger
}

const (
	// workers is how many steps this process makes at once. A step takes one connection.
	workers = 2
	// idle is the pause after a look that found no job, and busy while there are jobs whose next step is not due.
	idle, busy = time.Second, 50 * time.Millisecond
	// lease is longer than a step takes. It is how long a job waits for another process after its own was killed.
	lease = 15 * time.Second
	// stepTimeout ends a step before its lease.
	stepTimeout = 12 * time.Second
	// queueTimeout bounds the enqueueing of a step's deliveries. The reconciler enqueues the rest.
	queueTimeout = 5 * time.Second
	// lanesAtOnce bounds the connections to Redis that one step uses.
	lanesAtOnce = 8
	// failedWait is the pause of a job whose step has failed.
	failedWait = 2 * time.Second
	// restShare is how many times as long as the last step the pause after it is. Steps without a limit of their pace take half of the time of
	// a connection.
	restShare = 1
)

// Runner makes steps between Start and Stop.
type Runner struct {
	options    Options
	metrics    metrics
	failures   lifecycle.Streak
	enqueues   lifecycle.Streak
	background lifecycle.Background
}

// New makes a Runner and registers its metrics.
func New(options Options, registry prometheus.Registerer) *Runner {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.RedisLog == nil {
		options.RedisLog = options.Log
	}
	return &Runner{options: options, metrics: newMetrics(registry)}
}

// Start makes steps until Stop is called.
func (r *Runner) Start() {
	r.background.Start(func(ctx context.Context) {
		var group sync.WaitGroup
		for range workers {
			group.Go(func() { r.work(ctx) })
		}
		group.Wait()
	})
}

// Stop cancels the steps in progress and waits for their end until ctx ends. It may be called before Start, and more than once.
func (r *Runner) Stop(ctx context.Context) error {
	if err := r.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the steps of bulk jobs: %w", err)
	}
	return nil
}

// work makes one step after the other. It polls more often while a job is running.
func (r *Runner) work(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		worked, err := r.Step(ctx)
		r.failures.Report(ctx, r.options.Log, err, "step of a bulk job failed, retrying", "bulk jobs continue")
		pause := restShare * time.Since(began)
		if !worked || err != nil {
			pause = r.pause(ctx)
		}
		_ = lifecycle.Sleep(ctx, pause) // the loop ends with ctx
	}
}

// pause returns how long to wait when no step is due.
func (r *Runner) pause(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	running, err := r.options.Store.CountBulkJobs(ctx)
	if err != nil {
		return idle
	}
	r.metrics.running.Set(float64(running))
	if running == 0 {
		return idle
	}
	return busy
}

// Step makes the step that has been due for longest. It reports whether there was one.
func (r *Runner) Step(ctx context.Context) (worked bool, err error) {
	leased, step, err := r.step(ctx)
	if err != nil || leased == nil {
		return false, err
	}
	if step == nil { // the job was cancelled, or another replica has it
		return true, nil
	}
	r.count(step)
	r.log(ctx, step)
	r.enqueue(ctx, step.Waiting)
	return true, nil
}

func (r *Runner) step(ctx context.Context) (*store.BulkLease, *store.BulkStep, error) {
	limited, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	leased, err := r.options.Store.LeaseBulkJob(limited, lease)
	if err != nil || leased == nil {
		return nil, nil, err
	}
	step, err := r.options.Store.StepBulkJob(limited, leased)
	if err != nil {
		r.release(ctx, leased)
		return nil, nil, fmt.Errorf("bulk job %s: %w", leased.Job.ID, err)
	}
	return leased, step, nil
}

// release ends a lease after a failure, also when the process stops. If that fails, the lease expires.
func (r *Runner) release(ctx context.Context, leased *store.BulkLease) {
	wait := failedWait
	if ctx.Err() != nil {
		wait = 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = r.options.Store.ReleaseBulkJob(ctx, leased, wait)
}

func (r *Runner) count(step *store.BulkStep) {
	action := string(step.Job.Action)
	r.metrics.handled.WithLabelValues(action, resultApplied).Add(float64(step.Applied))
	skipped := int64(0)
	for _, n := range step.Skipped {
		skipped += n
	}
	r.metrics.handled.WithLabelValues(action, resultSkipped).Add(float64(skipped))
}

// log writes one line when a job begins and one when it ends.
func (r *Runner) log(ctx context.Context, step *store.BulkStep) {
	job := step.Job
	attributes := []any{"jobId", job.ID, "organizationId", job.OrganizationID, "action", string(job.Action)}
	if step.Began {
		r.options.Log.InfoContext(ctx, "bulk job began", append(attributes, "createdBy", job.CreatedBy, "perSecond", job.PerSecond)...)
	}
	if step.Finished {
		r.options.Log.InfoContext(ctx, "bulk job completed", append(attributes, "total", job.Total, "applied", job.Applied,
			"seconds", job.FinishedAt.Sub(job.CreatedAt).Seconds())...)
	}
}

// enqueue puts deliveries that were committed into the queue.
func (r *Runner) enqueue(ctx context.Context, deliveries []webhook.Delivery) {
	if len(deliveries) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(lanesAtOnce)
	for _, lane := range queue.ByLane(deliveries) {
		group.Go(func() error {
			_, err := r.options.Queue.EnqueueLane(ctx, lane)
			return err
		})
	}
	err := group.Wait()
	switch began, ended := r.enqueues.Note(err); {
	case began && !errors.Is(err, context.Canceled):
		r.options.RedisLog.WarnContext(ctx, "deliveries of a bulk job not enqueued, left to the reconciler", "deliveries", len(deliveries), "error", err)
	case ended:
		r.options.RedisLog.InfoContext(ctx, "deliveries of bulk jobs are enqueued again")
	}
}
