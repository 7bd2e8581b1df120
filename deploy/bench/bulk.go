package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"redrive/deploy/bench/report"
)

// The details of a bulk job.
const (
	detailMemoryGrowth = "growth of the dispatcher's memory"
	detailFirstRequest = "from the job to the first request"

	pathBulkJobs = "/bulk-jobs"
	// slowestBulk is the rate below which a bulk job counts as failed.
	slowestBulk = 200 // deliveries/s
)

// outage is an organization with an endpoint whose deliveries have failed, and that is healthy now.
type outage struct {
	*customer
	receiver *receiver // of no other organization
	endpoint string
}

// newOutage makes an organization whose deliveries have failed. All but one are copies, and the tables hold nothing else.
func newOutage(ctx context.Context, s *session, v *services, row string, count int) (o *outage, err error) {
	r, err := startReceiver()
	if err != nil {
		return nil, err
	}
	o = &outage{receiver: r}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.end(ctx))
		}
	}()
	if o.customer, err = s.customer(ctx); err != nil {
		return nil, err
	}
	endpoint, ids, err := failed(ctx, s, o.customer, r, 1)
	if err != nil {
		return nil, err
	}
	o.endpoint = endpoint
	s.progress.say("%s: filling in %d failed deliveries", row, count)
	if err := v.pause(ctx); err != nil {
		return nil, err
	}
	f := filling{
		database: v.database, deliveryID: ids[0], count: count, endpoints: []string{endpoint}, anew: true, sorted: true,
		further: map[string]map[string]string{"deliveries": {"status": "'failure'"}},
	}
	return o, errors.Join(f.run(ctx), v.resume(ctx))
}

func (o *outage) end(ctx context.Context) error {
	if o.customer != nil {
		o.close()
	}
	return o.receiver.stop(context.WithoutCancel(ctx))
}

// bulkJob is a bulk job as the API returns it.
type bulkJob struct {
	ID                    string
	Status                string
	Applied               int
	StartedAt, FinishedAt time.Time
}

// retryAllFailed starts a job for all failed deliveries of the endpoint.
func (o *outage) retryAllFailed(ctx context.Context, perSecond int) (job bulkJob, err error) {
	err = o.call(ctx, http.MethodPost, pathBulkJobs, map[string]any{
		"action": "retry", "filter": map[string]string{"status": "failure", "endpointId": o.endpoint}, "perSecond": perSecond,
	}, &job)
	return job, err
}

// finished waits until a job has handled all its deliveries.
func (o *outage) finished(ctx context.Context, id string, patience time.Duration) (job bulkJob, err error) {
	const look = 100 * time.Millisecond
	for began := time.Now(); time.Since(began) < patience; {
		if err := o.call(ctx, http.MethodGet, pathBulkJobs+"/"+id, nil, &job); err != nil {
			return job, err
		}
		if job.Status == "completed" {
			return job, nil
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return job, ctx.Err()
		}
	}
	return job, fmt.Errorf("the job is still %s after %s", job.Status, patience)
}

// roundBulk measures a job that retries failed deliveries as fast as it can beside live deliveries, and then one with a pace.
func roundBulk(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	v := running.(*services)
	if s.wants(rowBulkDrain) {
		if err := measureBulkDrain(ctx, s, v); err != nil {
			return fmt.Errorf("%s: %w", rowBulkDrain, err)
		}
	}
	if s.wants(rowBulkPace) {
		if err := measureBulkPace(ctx, s, v); err != nil {
			return fmt.Errorf("%s: %w", rowBulkPace, err)
		}
	}
	return v.clear(ctx)
}

func measureBulkDrain(ctx context.Context, s *session, v *services) (err error) {
	count := s.options.Bulk
	o, err := newOutage(ctx, s, v, rowBulkDrain, count)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	before, err := o.warmDispatcher(ctx, s, v)
	if err != nil {
		return err
	}
	other, err := newHealthy(ctx, s)
	if err != nil {
		return err
	}
	defer other.close()
	s.progress.say("%s: live deliveries alone, %d/s for %s", rowBulkDrain, floodRate, s.amounts.besideFlood)
	alone, err := other.measureAt(ctx, floodRate, s.amounts.besideFlood)
	if err != nil {
		return err
	}
	s.progress.say("%s: retrying %d deliveries", rowBulkDrain, count)
	o.receiver.expect(count)
	watching := watch(v)
	began, ended := time.Now(), time.Time{}
	beside, err := other.measureAround(ctx, &alone, floodRate, s.amounts.besideFlood, func(ctx context.Context) error {
		if _, err := o.retryAllFailed(ctx, 0); err != nil {
			return err
		}
		patience := drainPatience + time.Duration(count/slowestBulk)*time.Second
		err := errors.Join(o.receiver.await(ctx, patience), noneWaiting(ctx, v.database, o.endpoint, patience))
		ended = time.Now()
		return err
	})
	if err != nil {
		return err
	}
	after, err := watched{pid: v.dispatcher.PID()}.usage()
	if err != nil {
		return err
	}
	first := o.receiver.first()
	s.samples.Add(rowBulkDrain, report.Rate(count, ended.Sub(first)))
	s.samples.Add(report.Detail(rowBulkDrain, detailFirstRequest), first.Sub(began).Seconds())
	s.samples.Add(report.Detail(rowBulkDrain, detailMemoryGrowth), (after.memory-before.memory)/mebibyte)
	s.addLive(rowBulkDrain, alone, beside, 2*alone.p99()+floodAllowance)
	return watching.note(&s.samples, rowBulkDrain, count)
}

// warmDispatcher drains a backlog that belongs to no job and returns the dispatcher's memory at that time. A job may need little more.
func (o *outage) warmDispatcher(ctx context.Context, s *session, v *services) (usage, error) {
	o.receiver.expect(s.amounts.drain)
	if err := publishAll(ctx, o.customer, s.amounts.drain); err != nil {
		return usage{}, err
	}
	if err := errors.Join(o.receiver.await(ctx, drainPatience), settled(ctx, v.store())); err != nil {
		return usage{}, err
	}
	return watched{pid: v.dispatcher.PID()}.usage()
}

// pace is the pace of the job of bulk-pace, in deliveries per second.
const pace = 500

func measureBulkPace(ctx context.Context, s *session, v *services) (err error) {
	count := int(s.amounts.paced.Seconds() * pace)
	o, err := newOutage(ctx, s, v, rowBulkPace, count)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	s.progress.say("%s: retrying %d deliveries at %d/s", rowBulkPace, count, pace)
	job, err := o.retryAllFailed(ctx, pace)
	if err != nil {
		return err
	}
	if job, err = o.finished(ctx, job.ID, drainPatience+s.amounts.paced); err != nil {
		return err
	}
	if job.Applied != count {
		return fmt.Errorf("the job has requeued %d of %d deliveries", job.Applied, count)
	}
	s.samples.Add(rowBulkPace, report.Rate(count, job.FinishedAt.Sub(job.StartedAt)))
	return settled(ctx, v.store())
}
