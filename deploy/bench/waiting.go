package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"redrive/deploy/bench/report"
)

const (
	detailFirstSend = "first send after Redis was emptied"
	// waitingEndpoints is the number of endpoints of the waiting deliveries.
	waitingEndpoints = 10
	// settleWaiting is how long a dispatcher handles the backlog before the memory of Redis is measured.
	settleWaiting = 3 * time.Second
	mebibyte      = 1 << 20
)

// roundWaiting makes many waiting deliveries, half of which wait for a retry. It measures the memory of Redis, and the time until a
// delivery is sent after Redis was emptied.
func roundWaiting(ctx context.Context, s *session) error {
	running, c, r, err := s.subscribed(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	v := running.(*services)
	if err := warmUp(ctx, s, c, eventBody(eventType)); err != nil {
		return err
	}
	empty, err := v.information(ctx, "memory", "used_memory")
	if err != nil {
		return err
	}
	if err := v.fillWaiting(ctx, s, c); err != nil {
		return err
	}
	if err := v.resume(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(settleWaiting):
	case <-ctx.Done():
		return ctx.Err()
	}
	full, err := v.information(ctx, "memory", "used_memory")
	if err != nil {
		return err
	}
	pause, err := v.emptied(ctx, r)
	if err != nil {
		return err
	}
	s.samples.Add(rowFloodRedis, (full-empty)/mebibyte)
	s.samples.Add(report.Detail(rowFloodRedis, detailFirstSend), pause.Seconds())
	return running.clear(ctx)
}

// fillWaiting writes the deliveries as copies of a pending one, for several endpoints of the customer, while no dispatcher runs.
func (v *services) fillWaiting(ctx context.Context, s *session, c *customer) error {
	if err := v.pause(ctx); err != nil {
		return err
	}
	receiver, err := s.servers.receiver()
	if err != nil {
		return err
	}
	for range waitingEndpoints - 1 {
		if _, err := c.createEndpoint(ctx, receiver.url(pathOK), "bench.nothing", 0); err != nil {
			return err
		}
	}
	id, err := c.publish(ctx, eventBody(eventType))
	if err != nil {
		return err
	}
	count := s.amounts.waiting
	s.progress.say("%s: writing %d deliveries that wait", rowFloodRedis, count)
	const copies = `
		INSERT INTO deliveries
		SELECT (jsonb_populate_record(d, jsonb_build_object(
			'id', 'dlv_01J' || lpad(upper(to_hex(n)), 23, '0'), 'endpoint_id', e.id,
			'status', CASE WHEN n %% 2 = 0 THEN 'pending' ELSE 'retrying' END, 'retry_count', n %% 2,
			'next_retry_at', CASE WHEN n %% 2 = 0 THEN now() ELSE now() + interval '1 hour' END))).*
		FROM generate_series(1, %d) n
		JOIN (SELECT id, row_number() OVER () - 1 AS place FROM endpoints WHERE organization_id = '%s') e ON e.place = n / 2 %% %d
		CROSS JOIN deliveries d WHERE d.id = '%s'`
	if err := v.database.exec(ctx, fmt.Sprintf(copies, count, c.organization, waitingEndpoints, id), "ANALYZE deliveries"); err != nil {
		return err
	}
	if err := v.redis.FlushDB(ctx).Err(); err != nil { // the dispatcher then opens all lanes
		return fmt.Errorf("empty Redis: %w", err)
	}
	return nil
}

// emptied empties Redis and returns the time until a delivery is sent that no worker had before.
func (v *services) emptied(ctx context.Context, r *receiver) (time.Duration, error) {
	r.expect(dispatcherConcurrency + 1)
	began := time.Now()
	if err := v.redis.FlushDB(ctx).Err(); err != nil {
		return 0, fmt.Errorf("empty Redis: %w", err)
	}
	err := r.await(ctx, arrivalPatience)
	return time.Since(began), errors.Join(err)
}
