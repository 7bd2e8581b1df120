package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// requeue writes webhook.Retry.Requeued to those of the deliveries that have failed and whose endpoint is active. It returns them by
// ID, as they were written. SQLite takes one retry at a time.
//
// If an error is returned, the statement may still have been committed. A retry of such a delivery is then refused, because the delivery
// has not failed any more, although it was requeued.
//
// A retry that is a call with an idempotency key is alone, and is recorded with its effect.
func (s *Store) requeue(ctx context.Context, retries []webhook.Retry) (records map[string]webhook.Record, err error) {
	err = s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		if s.dialect.Postgres {
			records, err = s.requeueBatch(tx, retries)
		} else {
			records, err = s.requeueOne(tx, retries[0])
		}
		if err == nil && len(records) == 0 {
			err = errNothingRequeued
		}
		return retries[0].DeliveryID, nil, err
	})
	if errors.Is(err, errNothingRequeued) {
		return nil, nil
	}
	return records, err
}

// errNothingRequeued undoes the record of a call that had no effect.
var errNothingRequeued = errors.New("no delivery was requeued")

// requeueOne is requeue in SQLite. The event and the last attempt are read by a second statement.
func (s *Store) requeueOne(tx *gorm.DB, retry webhook.Retry) (map[string]webhook.Record, error) {
	if err := s.fits(tx.Statement.Context, retry); err != nil {
		return nil, err
	}
	rows, err := s.requeueRows(tx, retry, []string{retry.DeliveryID})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	record, err := s.FindDelivery(tx.Statement.Context, retry.OrganizationID, retry.DeliveryID)
	record.Delivery = rows[0].delivery() // the row may have changed between the two statements
	return map[string]webhook.Record{retry.DeliveryID: record}, err
}

// requeueRows writes the state of a retry to those of the deliveries that have failed and whose endpoint is active, and returns their rows.
// SQLite retries with it, and bulk jobs in both databases.
func (s *Store) requeueRows(tx *gorm.DB, retry webhook.Retry, ids []string) ([]deliveryRow, error) {
	next := retry.Requeued()
	active := s.db.Model(&endpointRow{}).Select("1").
		Where("endpoints.id = deliveries.endpoint_id AND endpoints.status = ? AND endpoints.deleted_at IS NULL", webhook.EndpointActive)
	state := stateColumns(next)
	state["next_retry_at"] = s.dueAt(next.NextRetryAt)
	state["revision"] = gorm.Expr("revision + ?", next.Revision)
	state["bulk_job_id"] = next.BulkJobID
	var rows []deliveryRow
	update := tx.Model(&rows).Clauses(returning(&deliveryRow{})).Where(s.oneOf("id", ids)).
		Where("organization_id = ? AND status = ? AND EXISTS (?)", next.OrganizationID, webhook.StatusFailure, active).
		UpdateColumns(state)
	return rows, update.Error
}

// requeueSQL is requeue in PostgreSQL. See Store.dueAt for the reason of LEAST.
//
// CASE keeps the planner from using another index than the one of the IDs. After statistics were collected while no delivery had failed, it
// would read all failed deliveries of the database by deliveries_by_status, and compare each with each of next.
var requeueSQL = newDivisible(`
WITH d AS (
	UPDATE deliveries{part} AS deliveries
	SET status = next.status, retry_count = next.retry_count, next_retry_at = LEAST(next.next_retry_at, now()),
		priority = next.priority, requeued = next.requeued, failure_reason = next.failure_reason, orphan_count = next.orphan_count, revision = deliveries.revision + next.revision,
		updated_at = next.updated_at, failed_at = NULL, bulk_job_id = '' -- a job retries by requeueRows
	FROM ` + parameterRows("next", "id text", "organization_id text", "status text", "retry_count integer", "next_retry_at timestamptz",
	"priority smallint", "requeued boolean", "failure_reason text", "orphan_count integer", "revision bigint", "updated_at timestamptz",
	"max_bytes bigint") + `
	WHERE deliveries.id = next.id AND CASE WHEN deliveries.organization_id = next.organization_id AND deliveries.status = ?
		THEN (SELECT e.status = ? AND e.deleted_at IS NULL FROM endpoints e WHERE e.id = deliveries.endpoint_id)
			AND (next.max_bytes = 0 OR next.max_bytes >=
				COALESCE((SELECT octet_length(e.data) FROM events e WHERE e.id = deliveries.event_id), 0) +
				COALESCE((SELECT ` + attemptBytes + ` FROM attempts{part} a WHERE a.id = deliveries.last_attempt_id), 0)) END
	RETURNING deliveries.*
)
SELECT ` + deliveryColumns + ", " + eventOrNoneColumns + ", " + lastAttemptColumns + `
FROM d LEFT JOIN events e ON e.id = d.event_id LEFT JOIN attempts{part} a ON a.id = d.last_attempt_id`)

// requeueBatch is requeue in PostgreSQL.
func (s *Store) requeueBatch(tx *gorm.DB, retries []webhook.Retry) (records map[string]webhook.Record, err error) {
	part := s.partitionOf(idsOf(retries, func(r *webhook.Retry) string { return r.DeliveryID }))
	rows, err := requeueSQL.in(part).rows(tx, requeueArguments(retries)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	records = make(map[string]webhook.Record, len(retries))
	for rows.Next() {
		var d deliveryRow
		d.Event, d.LastAttempt = &eventRow{}, &attemptRow{}
		if err := rows.Scan(slices.Concat(d.targets(), d.Event.targets(), d.LastAttempt.targets())...); err != nil {
			return nil, err
		}
		d.Event.ID = d.EventID
		records[d.ID] = d.record()
	}
	return records, rows.Err()
}

// requeueArguments returns the parameters of requeueSQL in their order. All statements lock deliveries in the order of their IDs, so
// that two of them cannot deadlock.
func requeueArguments(retries []webhook.Retry) []any {
	retries = slices.SortedFunc(slices.Values(retries), func(a, b webhook.Retry) int { return strings.Compare(a.DeliveryID, b.DeliveryID) })
	next := make([]webhook.Delivery, len(retries))
	for i, retry := range retries {
		next[i] = retry.Requeued()
	}
	return []any{
		column(next, func(d *webhook.Delivery) string { return d.ID }),
		column(next, func(d *webhook.Delivery) string { return d.OrganizationID }),
		column(next, func(d *webhook.Delivery) string { return string(d.Status) }),
		column(next, func(d *webhook.Delivery) int { return d.RetryCount }),
		column(next, func(d *webhook.Delivery) time.Time { return d.NextRetryAt }),
		column(next, func(d *webhook.Delivery) webhook.Priority { return d.Priority }),
		column(next, func(d *webhook.Delivery) bool { return d.Requeued }),
		column(next, func(d *webhook.Delivery) string { return string(d.FailureReason) }),
		column(next, func(d *webhook.Delivery) int { return d.OrphanCount }),
		column(next, func(d *webhook.Delivery) int64 { return d.Revision }),
		column(next, func(d *webhook.Delivery) time.Time { return d.UpdatedAt }),
		column(retries, func(r *webhook.Retry) int64 { return r.MaxBytes }),
		string(webhook.StatusFailure), string(webhook.EndpointActive),
	}
}
