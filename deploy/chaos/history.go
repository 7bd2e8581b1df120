package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/receiver"
)

// history is all that is known, to be read once nothing moves any more.
func (r *run) history(ctx context.Context) (*audit.History, error) {
	deliveries, err := r.readDeliveries(ctx)
	if err != nil {
		return nil, err
	}
	attempts, err := r.readAttempts(ctx)
	if err != nil {
		return nil, err
	}
	faults := slices.Clone(r.faults)
	slices.SortFunc(faults, func(a, b audit.Fault) int { return a.Began.Compare(b.Began) })
	return &audit.History{
		Accepted: r.load.accepted, Deliveries: deliveries, Attempts: attempts, Requests: r.receiver.Requests(), Faults: faults,
		Timeout: deliveryTimeout,
		Fails:   func(id string) bool { return receiver.KindOf(id) == receiver.Dead },
	}, nil
}

func (r *run) readDeliveries(ctx context.Context) ([]audit.Delivery, error) {
	rows, err := r.database.Query(ctx, `SELECT id, event_id, endpoint_id, status, failure_reason, last_attempt_id,
		retry_count, max_retries, attempt_count, created_at FROM deliveries`)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries: %w", err)
	}
	deliveries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d audit.Delivery, err error) {
		var endpoint string
		err = row.Scan(&d.ID, &d.Event, &endpoint, &d.Status, &d.FailureReason, &d.LastAttempt,
			&d.RetryCount, &d.MaxRetries, &d.AttemptCount, &d.Created)
		d.Path = r.paths[endpoint]
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the deliveries: %w", err)
	}
	return deliveries, nil
}

func (r *run) readAttempts(ctx context.Context) ([]audit.Attempt, error) {
	rows, err := r.database.Query(ctx, `SELECT id, delivery_id, number, outcome, started_at, duration_ms, response_status,
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
