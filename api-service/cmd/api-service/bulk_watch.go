package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

const (
	// bulkPoll is how often the jobs are read.
	bulkPoll = time.Second
	// bulkStalled is the time without a step of any job after which a warning is printed. Dispatchers look for a step every second.
	bulkStalled = 10 * time.Second
)

// bulkWatch waits until its jobs have ended.
type bulkWatch struct {
	store             bulkStore
	jobs              []webhook.BulkJob // as they were read last
	output            *bulkOutput
	cancelOnInterrupt bool

	reads    lifecycle.Streak
	moved    time.Time // when a job made its last step that was seen
	warned   bool      // the warning that no step is made was printed
	failures error
}

// run waits until all jobs have ended, or until ctx ends. It returns an error if a job was cancelled or does not exist any more.
func (w *bulkWatch) run(ctx context.Context) error {
	defer w.output.clear()
	w.moved = time.Now()
	for len(w.running()) > 0 && ctx.Err() == nil {
		w.poll(ctx)
		w.output.progress(w.jobs)
		w.warnStalled()
		if len(w.running()) > 0 {
			_ = lifecycle.Sleep(ctx, bulkPoll) // the loop ends with ctx
		}
	}
	if running := w.running(); len(running) > 0 {
		return errors.Join(w.failures, w.interrupted(ctx, running))
	}
	return w.failures
}

// running returns the indexes of the jobs that have not ended.
func (w *bulkWatch) running() (indexes []int) {
	for i, job := range w.jobs {
		if job.Status == webhook.BulkRunning {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// poll reads the jobs that have not ended. A database that cannot be reached does not end the command: the jobs are not concerned.
func (w *bulkWatch) poll(ctx context.Context) {
	for _, i := range w.running() {
		job, err := w.store.FindBulkJob(ctx, w.jobs[i].OrganizationID, w.jobs[i].ID)
		if ctx.Err() != nil {
			return
		}
		gone := webhook.CodeOf(err) == webhook.CodeNotFound
		if gone {
			w.jobs[i].Status = webhook.BulkCancelled
			w.fail(fmt.Errorf("organization %s: %w", w.jobs[i].OrganizationID, err))
			continue
		}
		if began, ended := w.reads.Note(err); began {
			w.output.note("cannot read the jobs, trying again: %v", err)
		} else if ended {
			w.output.note("the jobs can be read again")
		}
		if err != nil {
			w.moved = time.Now() // nothing is known about the steps
			return
		}
		w.update(i, job)
	}
}

// update notes what was read of a job.
func (w *bulkWatch) update(i int, job webhook.BulkJob) {
	if !job.Counted {
		job.Total = max(job.Total, w.jobs[i].Total)
	}
	if stepped(w.jobs[i], job) {
		w.moved, w.warned = time.Now(), false
	}
	w.jobs[i] = job
	if job.Status == webhook.BulkRunning {
		return
	}
	w.output.ended(job)
	if job.Status == webhook.BulkCancelled {
		w.fail(fmt.Errorf("bulk job %s was cancelled", job.ID))
	}
}

// stepped reports whether a job has made a step between two reads.
func stepped(before, after webhook.BulkJob) bool {
	return before.Processed != after.Processed || before.Total != after.Total || before.Counted != after.Counted ||
		before.StartedAt != after.StartedAt || before.Status != after.Status
}

func (w *bulkWatch) fail(err error) { w.failures = errors.Join(w.failures, err) }

func (w *bulkWatch) warnStalled() {
	if w.warned || len(w.running()) == 0 || time.Since(w.moved) < bulkStalled {
		return
	}
	w.warned = true
	w.output.note("no job has made a step for %v: dispatchers make the steps; see that one is running and reaches this database", bulkStalled)
}

// interrupted leaves the running jobs or cancels them.
func (w *bulkWatch) interrupted(ctx context.Context, running []int) error {
	if w.cancelOnInterrupt {
		return w.cancel(context.WithoutCancel(ctx), running)
	}
	for _, i := range running {
		w.output.left(w.jobs[i])
	}
	return fmt.Errorf("interrupted; %s", plural(len(running), "bulk job goes on", "bulk jobs go on"))
}

// cancel cancels the running jobs. A job that has ended meanwhile is no error.
func (w *bulkWatch) cancel(ctx context.Context, running []int) (err error) {
	cancelled := 0
	for _, i := range running {
		job, failure := w.cancelOne(ctx, w.jobs[i])
		if failure != nil {
			w.output.left(w.jobs[i])
			err = errors.Join(err, fmt.Errorf("bulk job %s was not cancelled: %w", w.jobs[i].ID, failure))
			continue
		}
		w.jobs[i] = job
		w.output.ended(job)
		if job.Status == webhook.BulkCancelled {
			cancelled++
		}
	}
	if cancelled == 0 {
		return err
	}
	return errors.Join(err, fmt.Errorf("interrupted; %s; deliveries that were requeued before go on",
		plural(cancelled, "bulk job was cancelled", "bulk jobs were cancelled")))
}

// cancelOne returns the job after the cancellation.
func (w *bulkWatch) cancelOne(ctx context.Context, job webhook.BulkJob) (webhook.BulkJob, error) {
	ctx, cancel := context.WithTimeout(ctx, bulkCallTimeout)
	defer cancel()
	ended, err := w.store.CancelBulkJob(ctx, job.OrganizationID, job.ID)
	if errors.Is(err, webhook.ErrJobFinished) {
		return w.store.FindBulkJob(ctx, job.OrganizationID, job.ID)
	}
	return ended, err
}
