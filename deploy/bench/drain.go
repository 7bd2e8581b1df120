package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

// drainPatience is longer than any of the measured queues needs.
const drainPatience = 3 * time.Minute

// roundDrain measures how fast filled queues are drained: those of the baselines, and ours.
func roundDrain(ctx context.Context, s *session) error {
	if s.options.Embedded {
		return errors.Join(roundAsynqEmbedded(ctx, s), drainOurs(ctx, s))
	}
	if err := roundAsynq(ctx, s); err != nil {
		return err
	}
	if s.wants(rowNaive) {
		if err := roundNaive(ctx, s); err != nil {
			return err
		}
	}
	if s.wants(rowDrain) || s.wants(rowQueueBytes) {
		return drainOurs(ctx, s)
	}
	return nil
}

// drainOurs enqueues deliveries while no dispatcher runs. It measures from the first request until the last outcome is recorded.
func drainOurs(ctx context.Context, s *session) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	// The first delivery opens the connections. Redis then has memory for them.
	r.expect(1)
	if _, err := c.publish(ctx, eventBody(eventType)); err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, running.store()), running.pause(ctx)); err != nil {
		return err
	}

	count := s.amounts.drain
	s.progress.say("%s: queueing %d deliveries", rowDrain, count)
	memory, err := s.fillQueue(ctx, running, c, count)
	if err != nil {
		return err
	}
	s.progress.say("%s: %d deliveries", rowDrain, count)
	watching := watch(running)
	r.expect(count)
	if err := running.resume(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, running.store())); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	ended := time.Now()
	s.samples.Add(rowDrain, report.Rate(count, ended.Sub(r.first())))
	if memory > 0 {
		s.samples.Add(rowQueueBytes, memory/float64(count))
	}
	return watching.note(&s.samples, rowDrain, count)
}

// fillQueue returns the number of bytes by which Redis has grown, or 0 if Redis does not report its memory.
func (s *session) fillQueue(ctx context.Context, running system, c *customer, count int) (bytes float64, err error) {
	asked, ok := running.(*services)
	if !ok {
		return 0, running.fill(ctx, c, count)
	}
	before, err := asked.information(ctx, "memory", "used_memory")
	if err != nil {
		return 0, err
	}
	if err := running.fill(ctx, c, count); err != nil {
		return 0, err
	}
	after, err := asked.information(ctx, "memory", "used_memory")
	return after - before, err
}
