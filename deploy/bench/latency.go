package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"redrive/deploy/bench/report"
)

const (
	// detailFromDue measures from the scheduled time of an event. It includes the time of the API and the delay of the load generator.
	detailFromDue = "from when it was due"
	// arrivalPatience is how long the run waits for the last webhooks.
	arrivalPatience = 90 * time.Second
)

// roundLatency publishes at a rate that the system easily sustains and measures the latency of each webhook: once alone, and once while old
// deliveries are purged.
func roundLatency(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	s.progress.say("latency: %d events/s for %s", latencyRate, s.amounts.latency)
	alone, err := measureLatency(ctx, s)
	if err != nil {
		return err
	}
	if err := s.noteLatency("", alone); err != nil {
		return err
	}
	if v, ok := running.(*services); ok {
		return measurePurge(ctx, s, v)
	}
	return nil
}

// noteLatency adds both rows, or a detail of both.
func (s *session) noteLatency(detail string, published []publishedEvent) error {
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	m := latenciesOf(r, published, arrivalPatience)
	for row, share := range map[string]float64{rowLatencyP50: 0.5, rowLatencyP99: 0.99} {
		if !s.wants(row) {
			continue
		}
		accepted := report.Milliseconds(report.Percentile(m.fromAccepted, share))
		if detail != "" {
			s.samples.Add(report.Detail(row, detail), accepted)
			continue
		}
		s.samples.Add(row, accepted)
		s.samples.Add(report.Detail(row, detailFromDue), report.Milliseconds(report.Percentile(m.fromDue, share)))
	}
	return nil
}

// measureLatency publishes to one endpoint.
func measureLatency(ctx context.Context, s *session) ([]publishedEvent, error) {
	r, err := s.servers.receiver()
	if err != nil {
		return nil, err
	}
	c, err := s.customerTo(ctx, r.url(pathOK), 1)
	if err != nil {
		return nil, err
	}
	defer c.close()
	body := eventBody(eventType)
	if err := warmUp(ctx, s, c, body); err != nil {
		return nil, err
	}
	return measureOpen(ctx, r, latencyRate, s.amounts.latency, arrivalPatience, func(ctx context.Context, _ int) (string, error) {
		return c.publish(ctx, body)
	})
}

// warmUp opens connections and fills caches, as in a system that has been running.
func warmUp(ctx context.Context, s *session, c *customer, body []byte) error {
	const events = 50
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	r.expect(events)
	_, err = closedLoop(ctx, publishConnections, events, func(ctx context.Context, _, _ int) error {
		_, err := c.publish(ctx, body)
		return err
	})
	return errors.Join(err, r.await(ctx, arrivalPatience), settled(ctx, running.store()))
}

// latencies are those of events that were published at a rate.
type latencies struct {
	fromAccepted []time.Duration // Since the API's answer. A webhook that arrived before the answer counts as 0.
	fromDue      []time.Duration
	lost         int
}

// publishedEvent is one published event.
type publishedEvent struct {
	deliveryID    string
	due, accepted time.Time
}

// measureOpen publishes at a rate and waits until all webhooks have arrived, at most for arrivalPatience.
func measureOpen(ctx context.Context, r *receiver, rate int, duration, patience time.Duration,
	publish func(ctx context.Context, i int) (deliveryID string, err error),
) (published []publishedEvent, err error) {
	var mu sync.Mutex
	r.expect(openCount(rate, duration))
	err = openLoop(ctx, rate, duration, func(ctx context.Context, i int, due time.Time) error {
		id, err := publish(ctx, i)
		accepted := time.Now()
		mu.Lock()
		defer mu.Unlock()
		published = append(published, publishedEvent{id, due, accepted})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("publish at %d/s: %w", rate, err)
	}
	if err := r.await(ctx, patience); ctx.Err() != nil {
		return nil, err
	}
	return published, nil
}

// latenciesOf finds each webhook at the receiver by its delivery's ID. A missing webhook is lost, and counts with the time that was waited
// for it.
func latenciesOf(r *receiver, published []publishedEvent, patience time.Duration) latencies {
	var m latencies
	for _, event := range published {
		at, arrived := r.arrival(event.deliveryID)
		if !arrived {
			m.lost++
			at = event.accepted.Add(patience)
		}
		m.fromAccepted = append(m.fromAccepted, max(0, at.Sub(event.accepted)))
		m.fromDue = append(m.fromDue, at.Sub(event.due))
	}
	return m
}
