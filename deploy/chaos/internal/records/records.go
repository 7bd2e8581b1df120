// Package records reads the database after a run.
package records

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/receiver"
)

// Database executes queries: a pool, or a connection.
type Database interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// Waiting reports whether any delivery has not ended.
func Waiting(ctx context.Context, database Database) (waiting bool, err error) {
	err = database.QueryRow(ctx, "SELECT EXISTS (SELECT FROM deliveries WHERE status IN ('pending', 'retrying'))").Scan(&waiting)
	return waiting, err
}

// Deliveries returns all rows. Paths are the paths of the endpoints at the receiver, by endpoint ID.
func Deliveries(ctx context.Context, database Database, paths map[string]string) ([]audit.Delivery, error) {
	rows, err := database.Query(ctx, `SELECT id, event_id, endpoint_id, status, failure_reason, last_attempt_id,
		retry_count, max_retries, attempt_count, created_at FROM deliveries`)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries: %w", err)
	}
	deliveries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d audit.Delivery, err error) {
		var endpoint string
		err = row.Scan(&d.ID, &d.Event, &endpoint, &d.Status, &d.FailureReason, &d.LastAttempt,
			&d.RetryCount, &d.MaxRetries, &d.AttemptCount, &d.Created)
		d.Path = paths[endpoint]
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the deliveries: %w", err)
	}
	return deliveries, nil
}

// Attempts returns all recorded attempts.
func Attempts(ctx context.Context, database Database) ([]audit.Attempt, error) {
	rows, err := database.Query(ctx, `SELECT id, delivery_id, number, outcome, started_at, duration_ms, response_status,
		coalesce((CAST(response_headers AS jsonb) ->> $1)::bigint, 0), next_retry_at FROM attempts`, receiver.ReceiptHeader)
	if err != nil {
		return nil, fmt.Errorf("read the attempts: %w", err)
	}
	attempts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a audit.Attempt, err error) {
		var milliseconds int64
		var next *time.Time
		err = row.Scan(&a.ID, &a.Delivery, &a.Number, &a.Outcome, &a.Started, &milliseconds, &a.Status, &a.Receipt, &next)
		a.Duration = time.Duration(milliseconds) * time.Millisecond
		if next != nil {
			a.Next = *next
		}
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the attempts: %w", err)
	}
	return attempts, nil
}
