package store

import (
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// move is the new state of a delivery, and the attempt that led to it. The ID of the attempt is empty if there was none.
type move struct {
	webhook.Delivery
	attempt attemptRow
	counted webhook.Counted
	outcome webhook.Outcome
	// health is that of the endpoint before the move. In SQLite, no other transaction writes it meanwhile.
	health healthRow
}

// newMove returns the move of an outcome.
func newMove(o webhook.Outcome) (move, error) {
	attempt, err := newAttemptRow(o.Attempt)
	return move{Delivery: o.Delivery, attempt: attempt, counted: o.Counted(), outcome: o}, err
}

// move writes the delivery's new state and the attempt if the revision is still the one before. It reports whether it was.
func (s *Store) move(tx *gorm.DB, m move) (bool, error) {
	if s.dialect.Postgres {
		moved, err := s.moveBatch(tx, []move{m}, true)
		return moved[m.attempt.ID], err
	}
	return moveOne(tx, m)
}

// stateColumns are the columns of a delivery's state, apart from the revision and what belongs to an attempt.
func stateColumns(d webhook.Delivery) map[string]any {
	return map[string]any{
		"status":         d.Status,
		"retry_count":    d.RetryCount,
		"next_retry_at":  nullable(d.NextRetryAt),
		"priority":       d.Priority,
		"requeued":       d.Requeued,
		"failure_reason": d.FailureReason,
		"orphan_count":   d.OrphanCount,
		"updated_at":     d.UpdatedAt,
		"failed_at":      failedAt(d),
	}
}

// failedAt returns when the delivery failed, by the clock of SQLite, which is that of this process. It is nil for one that has not failed.
func failedAt(d webhook.Delivery) *time.Time {
	if d.Status != webhook.StatusFailure {
		return nil
	}
	return nullable(webhook.Now())
}

// moveOne is move in SQLite, without the statistics, which recordEach counts. If there is an attempt, tx must be a transaction.
func moveOne(tx *gorm.DB, m move) (bool, error) {
	attempts := 0
	if m.attempt.ID != "" {
		attempts = 1
	}
	state := stateColumns(m.Delivery)
	state["revision"] = m.Revision
	state["last_attempt_id"] = m.LastAttemptID
	state["attempt_count"] = gorm.Expr("attempt_count + ?", attempts)
	var row deliveryRow
	update := tx.Model(&row).Clauses(returning(&row)).Where("id = ? AND revision = ?", m.ID, m.Revision-1).UpdateColumns(state)
	if update.Error != nil || update.RowsAffected == 0 || attempts == 0 {
		return update.RowsAffected == 1, update.Error
	}
	m.attempt.Number = row.AttemptCount
	if err := tx.Create(&m.attempt).Error; err != nil {
		return false, err
	}
	return true, noteOne(tx, m)
}

// moveSQL is move in PostgreSQL, for any number of deliveries. It returns the IDs of the attempts of those that were moved.
//
// The attempts that count in the health of an endpoint are merged into one write of it, as webhook.Health.After does one by one. A success
// of a healthy endpoint is written every webhook.SuccessNoted. An attempt after which something may have to be published about the endpoint
// is left out, as webhook.Operations.Due says; recordAlone records it. What the statistics count is what webhook.Outcome.Tally says,
// summed. The subquery, unlike a join, keeps the order of the rows.
var moveSQL = newDivisible(`
WITH next AS (
	SELECT n.* FROM ` + parameterRows("n",
	"id text", "revision bigint", "status text", "retry_count integer", "next_retry_at timestamptz", "failure_reason text",
	"orphan_count integer", "last_attempt_id text", "updated_at timestamptz", "attempt_id text", "organization_id text",
	"started_at timestamptz", "duration_ms bigint", "outcome text", "request_headers text", "response_status integer",
	"response_headers text", "response_body bytea", "response_body_truncated boolean", "error_message text", "error_code text",
	"attempt_next_retry_at timestamptz", "endpoint_id text", "counted smallint", "operational boolean", "exhausted boolean",
	"event_type text", "hour bigint", "error_key text",
) + `
	WHERE CAST(? AS boolean) OR NOT COALESCE((
		SELECT COALESCE(n.counted = 1 AND h.announced_since IS NOT NULL
			OR n.counted = 2 AND NOT n.operational AND h.announced_since IS NULL
				AND h.failing_since <= n.updated_at - interval '1 hour' -- webhook.FailingNotice
			OR n.counted = 2 AND h.failing_since <= n.updated_at - CAST(? AS bigint) * interval '1 microsecond'
			OR n.exhausted AND COALESCE(h.exhausted_at <= n.updated_at - interval '1 minute', true), false) -- webhook.ExhaustedInterval
		FROM endpoint_health h WHERE h.organization_id = n.organization_id AND h.endpoint_id = n.endpoint_id
	), n.exhausted)
), moved AS (
	UPDATE deliveries{part} d SET status = n.status, retry_count = n.retry_count, next_retry_at = n.next_retry_at,
		failure_reason = n.failure_reason, orphan_count = n.orphan_count, last_attempt_id = n.last_attempt_id,
		attempt_count = d.attempt_count + CAST(n.attempt_id <> '' AS integer), revision = n.revision, updated_at = n.updated_at,
		failed_at = CASE WHEN n.status = 'failure' THEN clock_timestamp() END
	FROM next n WHERE d.id = n.id AND d.revision = n.revision - 1
	RETURNING n.*, d.attempt_count
), recorded AS (
	INSERT INTO attempts{part} (id, organization_id, delivery_id, number, started_at, duration_ms, outcome, request_headers,
		response_status, response_headers, response_body, response_body_truncated, error_message, error_code, next_retry_at)
	SELECT attempt_id, organization_id, id, attempt_count, started_at, duration_ms, outcome, request_headers,
		response_status, response_headers, response_body, response_body_truncated, error_message, error_code, attempt_next_retry_at
	FROM moved WHERE attempt_id <> ''
), counted AS (
	SELECT organization_id, endpoint_id, counted, exhausted, updated_at AS at, error_message,
		max(updated_at) FILTER (WHERE counted = 1) OVER (PARTITION BY endpoint_id) AS success_at
	FROM moved WHERE counted <> 0 OR exhausted
), merged AS (
	SELECT organization_id, endpoint_id, success_at, count(*) FILTER (WHERE failed) AS failures,
		min(at) FILTER (WHERE failed) AS first_at, max(at) FILTER (WHERE failed) AS last_at,
		(array_agg(error_message ORDER BY at DESC) FILTER (WHERE failed))[1] AS last_error,
		count(*) FILTER (WHERE exhausted) AS exhausted, min(at) FILTER (WHERE exhausted) AS exhausted_at
	FROM (SELECT *, counted = 2 AND (success_at IS NULL OR at > success_at) AS failed FROM counted) AS c
	GROUP BY organization_id, endpoint_id, success_at
), noted AS (
	INSERT INTO endpoint_health AS h (organization_id, endpoint_id, last_success_at, consecutive_failures, failing_since, last_failure_at, last_error,
		exhausted_count, exhausted_since)
	SELECT organization_id, endpoint_id, success_at, failures, first_at, last_at, COALESCE(last_error, ''), exhausted, exhausted_at FROM merged m
	WHERE failures > 0 OR exhausted > 0 OR NOT COALESCE((
		SELECT h.consecutive_failures = 0 AND m.success_at < h.last_success_at + interval '5 seconds' -- webhook.SuccessNoted
		FROM endpoint_health h WHERE h.organization_id = m.organization_id AND h.endpoint_id = m.endpoint_id
	), false)
	ORDER BY endpoint_id
	ON CONFLICT (organization_id, endpoint_id) DO UPDATE SET
		last_success_at = GREATEST(h.last_success_at, excluded.last_success_at),
		consecutive_failures = excluded.consecutive_failures + CASE WHEN excluded.last_success_at IS NULL THEN h.consecutive_failures ELSE 0 END,
		failing_since = CASE WHEN excluded.last_success_at IS NULL THEN COALESCE(h.failing_since, excluded.failing_since) ELSE excluded.failing_since END,
		last_failure_at = CASE WHEN excluded.last_success_at IS NULL THEN GREATEST(h.last_failure_at, excluded.last_failure_at) ELSE excluded.last_failure_at END,
		last_error = CASE WHEN excluded.last_success_at IS NULL AND h.last_failure_at >= excluded.last_failure_at THEN h.last_error
			WHEN excluded.last_success_at IS NULL AND excluded.consecutive_failures = 0 THEN h.last_error ELSE excluded.last_error END,
		exhausted_count = h.exhausted_count + excluded.exhausted_count,
		exhausted_since = COALESCE(h.exhausted_since, excluded.exhausted_since)
), tallied AS (
	INSERT INTO statistics_deltas (organization_id, endpoint_id, event_type, hour, succeeded, failed, attempts, errors, durations)
	SELECT organization_id, endpoint_id, event_type, hour,
		count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'failure'), count(*),
		COALESCE(string_agg(error_key, ' ') FILTER (WHERE error_key <> ''), ''),
		COALESCE(string_agg(CAST(duration_ms AS text), ' ') FILTER (WHERE response_status <> 0), '')
	FROM moved WHERE hour IS NOT NULL
	GROUP BY organization_id, endpoint_id, event_type, hour
)
SELECT attempt_id FROM moved`)

// moveBatch is move in PostgreSQL. It returns the IDs of the attempts of the deliveries that were moved. A delivery may be named once.
// Unless all is true, it leaves out the moves after which something may have to be published.
//
// It scans the rows itself, because GORM's Scan first formats the statement with all values for a log that is discarded.
func (s *Store) moveBatch(tx *gorm.DB, moves []move, all bool) (moved map[string]bool, err error) {
	part := s.partitionOf(idsOf(moves, func(m *move) string { return m.ID }))
	rows, err := moveSQL.in(part).rows(tx, append(moveArguments(moves), all, s.failingAfter().Microseconds())...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	moved = make(map[string]bool, len(moves))
	for rows.Next() {
		var attemptID string
		if err := rows.Scan(&attemptID); err != nil {
			return nil, err
		}
		moved[attemptID] = true
	}
	return moved, rows.Err()
}

// countedHour returns the hour in which the move counts in the statistics, or nil if it does not.
func countedHour(m *move) *int64 {
	tally, counted := m.tally()
	if !counted {
		return nil
	}
	hour := int64(tally.Hour)
	return &hour
}

// moveArguments returns the parameters of moveSQL in their order.
func moveArguments(moves []move) []any {
	return []any{
		column(moves, func(m *move) string { return m.ID }),
		column(moves, func(m *move) int64 { return m.Revision }),
		column(moves, func(m *move) string { return string(m.Status) }),
		column(moves, func(m *move) int { return m.RetryCount }),
		column(moves, func(m *move) *time.Time { return nullable(m.NextRetryAt) }),
		column(moves, func(m *move) string { return string(m.FailureReason) }),
		column(moves, func(m *move) int { return m.OrphanCount }),
		column(moves, func(m *move) string { return m.LastAttemptID }),
		column(moves, func(m *move) time.Time { return m.UpdatedAt }),
		column(moves, func(m *move) string { return m.attempt.ID }),
		column(moves, func(m *move) string { return m.OrganizationID }),
		column(moves, func(m *move) time.Time { return m.attempt.StartedAt }),
		column(moves, func(m *move) int64 { return m.attempt.DurationMs }),
		column(moves, func(m *move) string { return m.attempt.Outcome }),
		column(moves, func(m *move) string { return m.attempt.RequestHeaders }),
		column(moves, func(m *move) int { return m.attempt.ResponseStatus }),
		column(moves, func(m *move) string { return m.attempt.ResponseHeaders }),
		column(moves, func(m *move) []byte { return m.attempt.ResponseBody }),
		column(moves, func(m *move) bool { return m.attempt.ResponseBodyTruncated }),
		column(moves, func(m *move) string { return m.attempt.ErrorMessage }),
		column(moves, func(m *move) string { return m.attempt.ErrorCode }),
		column(moves, func(m *move) *time.Time { return m.attempt.NextRetryAt }),
		column(moves, func(m *move) string { return m.EndpointID }),
		column(moves, func(m *move) webhook.Counted { return m.counted }),
		column(moves, func(m *move) bool { return m.outcome.Operational() }),
		column(moves, func(m *move) bool { return m.outcome.Exhausted() }),
		column(moves, func(m *move) string { return m.outcome.EventType }),
		column(moves, countedHour),
		column(moves, func(m *move) string { return m.outcome.Attempt.ErrorKey() }),
	}
}
