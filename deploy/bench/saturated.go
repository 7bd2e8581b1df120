package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"redrive/deploy/bench/report"
)

// roundSaturated publishes single events as fast as the API accepts them, and measures the latency of each webhook meanwhile. The load
// generator, the services and their servers share the machine.
func roundSaturated(ctx context.Context, s *session) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	body := eventBody(eventType)
	if err := warmUp(ctx, s, c, body); err != nil {
		return err
	}
	count := s.amounts.saturated
	s.progress.say("%s: %d events over %d connections", rowSaturated, count, publishConnections)
	r.expect(count)
	var mu sync.Mutex
	var published []publishedEvent
	began := time.Now()
	_, err = closedLoop(ctx, publishConnections, count, func(ctx context.Context, _, _ int) error {
		id, err := c.publish(ctx, body)
		accepted := time.Now()
		mu.Lock()
		defer mu.Unlock()
		published = append(published, publishedEvent{id, accepted, accepted})
		return err
	})
	if err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, running.store())); err != nil {
		return err
	}
	took := time.Since(began)
	times := latenciesOf(r, published, arrivalPatience).fromAccepted
	s.samples.Add(rowSaturated, report.Milliseconds(report.Percentile(times, 0.5)))
	s.samples.Add(report.Detail(rowSaturated, detailP99), report.Milliseconds(report.Percentile(times, 0.99)))
	s.samples.Add(report.Detail(rowSaturated, detailRecorded), report.Rate(count, took))
	return running.clear(ctx)
}

// detailRecorded is the rate from the first publish to the last recorded outcome.
const detailRecorded = "recorded"
