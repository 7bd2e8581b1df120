package bench

import (
	"context"
	"errors"
	"net/http"
	"time"

	"redrive/deploy/bench/report"
)

const (
	detailWhilePaused = "sent while paused"
	detailMissing     = "missing"
	detailResumed     = "rate"
	// pausedFor is how long an endpoint stays paused after the last event was published.
	pausedFor = 2 * time.Second
)

// roundPause publishes while an endpoint is paused, and measures from its resumption until the last outcome is recorded.
func roundPause(ctx context.Context, s *session) error {
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	c, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	endpoint, err := c.createEndpoint(ctx, r.url(pathOK), eventType, 0)
	if err != nil {
		return err
	}
	if err := warmUp(ctx, s, c, eventBody(eventType)); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, "/"+endpoint+"/pause", nil, nil); err != nil {
		return err
	}
	count := s.amounts.paused
	s.progress.say("%s: publishing %d events for an endpoint that is paused", rowPauseResume, count)
	r.expect(count)
	if err := publishAll(ctx, c, count); err != nil {
		return err
	}
	select {
	case <-time.After(pausedFor):
	case <-ctx.Done():
		return ctx.Err()
	}
	sent := r.count()
	s.progress.say("%s: resuming it", rowPauseResume)
	began := time.Now()
	if err := c.call(ctx, http.MethodPost, "/"+endpoint+"/resume", nil, nil); err != nil {
		return err
	}
	arrived := r.await(ctx, drainPatience) // no figure is recorded for this round
	if err := errors.Join(ctx.Err(), settled(ctx, running.store())); err != nil {
		return err
	}
	took := time.Since(began)
	missing := 0
	if arrived != nil {
		missing = count - r.count()
	}
	s.samples.Add(rowPauseResume, took.Seconds())
	s.samples.Add(report.Detail(rowPauseResume, detailWhilePaused), float64(sent))
	s.samples.Add(report.Detail(rowPauseResume, detailMissing), float64(missing))
	s.samples.Add(report.Detail(rowPauseResume, detailResumed), report.Rate(count, took))
	return nil
}
