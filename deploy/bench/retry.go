package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/bench/report"
)

// detailNotDelivered is the same without the delivery that follows a retry.
const detailNotDelivered = "dispatcher stopped"

// roundRetry makes deliveries fail, heals their receiver, and retries each by its own request: some while no dispatcher runs, the others
// while one runs. The plain UPDATE before that changes copies of the same rows as a retry does.
func roundRetry(ctx context.Context, s *session) error {
	running, err := s.cleared(ctx)
	if err != nil {
		return err
	}
	c, err := s.customer(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	v, separate := running.(*services)
	count := retries
	if separate {
		count += retries
	}
	s.progress.say("%s: having %d deliveries fail", rowRetry, count)
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	_, ids, err := failed(ctx, s, c, r, count)
	if err != nil {
		return err
	}
	if separate && s.wants(rowUpdate) {
		if err := measureUpdates(ctx, s, v.database, c.organization, ids[:retries]); err != nil {
			return err
		}
	}
	if separate && s.wants(rowRetry) {
		if err := measureAccepting(ctx, s, c, ids[:retries]); err != nil {
			return err
		}
	}
	if !s.wants(rowRetry) {
		return nil
	}
	return measureRetries(ctx, s, c, ids[count-retries:])
}

// failed makes deliveries that have ended in failure, and returns their endpoint and their IDs. The endpoint answers 200 from then on.
func failed(ctx context.Context, s *session, c *customer, r *receiver, count int) (endpoint string, ids []string, err error) {
	if endpoint, err = c.createEndpoint(ctx, r.url(pathFlaky), eventType, 0); err != nil {
		return "", nil, err
	}
	r.failing.Store(true)
	defer r.failing.Store(false)
	r.expect(count)
	ids = make([]string, count)
	body := eventBody(eventType)
	_, err = closedLoop(ctx, publishConnections, count, func(ctx context.Context, _, i int) (err error) {
		ids[i], err = c.publish(ctx, body)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return endpoint, ids, errors.Join(r.await(ctx, drainPatience), settled(ctx, s.running.store()))
}

// measureAccepting retries while the dispatcher is stopped.
func measureAccepting(ctx context.Context, s *session, c *customer, ids []string) error {
	if err := s.running.pause(ctx); err != nil {
		return err
	}
	s.progress.say("%s: %d deliveries, %s", rowRetry, len(ids), detailNotDelivered)
	done, err := retryAll(ctx, s, c, ids)
	if err != nil {
		return err
	}
	s.samples.Add(report.Detail(rowRetry, detailNotDelivered), done.rate())
	return errors.Join(s.running.resume(ctx), settled(ctx, s.running.store()))
}

func measureRetries(ctx context.Context, s *session, c *customer, ids []string) error {
	r, err := s.servers.receiver()
	if err != nil {
		return err
	}
	s.progress.say("%s: %d deliveries", rowRetry, len(ids))
	watching := watch(s.running)
	r.expect(len(ids))
	done, err := retryAll(ctx, s, c, ids)
	if err != nil {
		return err
	}
	if err := errors.Join(r.await(ctx, drainPatience), settled(ctx, s.running.store())); err != nil {
		return fmt.Errorf("deliver what was retried: %w", err)
	}
	noteTally(&s.samples, rowRetry, done)
	return watching.note(&s.samples, rowRetry, len(ids))
}

func retryAll(ctx context.Context, s *session, c *customer, ids []string) (tally, error) {
	caller := newClient(s.running.url(), c.key, retryConnections)
	defer caller.close()
	answers := make([]bytes.Buffer, retryConnections)
	return closedLoop(ctx, retryConnections, len(ids), func(ctx context.Context, connection, i int) error {
		return caller.send(ctx, http.MethodPost, retryPath(ids[i]), nil, &answers[connection])
	})
}

func retryPath(id string) string { return "/deliveries/" + id + "/retry" }

// requeue makes the change of a retry: one statement that is conditional on the status and returns the new row.
const requeue = `UPDATE bare_retries d
SET status = 'pending', retry_count = 0, next_retry_at = $3, failure_reason = '', orphan_count = 0, revision = revision + 1, updated_at = $3
WHERE id = $1 AND organization_id = $2 AND status = 'failure'
	AND EXISTS (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint_id AND e.status = 'active')
RETURNING *`

func measureUpdates(ctx context.Context, s *session, d *database, organization string, ids []string) error {
	err := d.exec(ctx, "DROP TABLE IF EXISTS bare_retries", "CREATE TABLE bare_retries (LIKE deliveries INCLUDING ALL)",
		"INSERT INTO bare_retries SELECT * FROM deliveries", "VACUUM ANALYZE bare_retries")
	if err != nil {
		return err
	}
	s.progress.say("%s: %d rows", rowUpdate, len(ids))
	done, err := closedLoop(ctx, retryConnections, len(ids), func(ctx context.Context, _, i int) error {
		rows, err := d.pool.Query(ctx, requeue, ids[i], organization, time.Now())
		if err != nil {
			return fmt.Errorf("update a row: %w", err)
		}
		if _, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap); err != nil {
			return fmt.Errorf("update delivery %s: %w", ids[i], err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	noteTally(&s.samples, rowUpdate, done)
	return d.exec(ctx, "DROP TABLE bare_retries")
}
