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

// LoadDispatches is LoadDispatch for many deliveries at once. Both slices are in the order of the IDs: a delivery that cannot
// be loaded has an error and keeps none of the others back.
func (s *Store) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	dispatches, failures := make([]webhook.Dispatch, len(ids)), make([]error, len(ids))
	rows, endpoints, err := s.loadTogether(ctx, ids)
	for i, id := range ids {
		row, found := rows[id]
		switch {
		case err != nil:
			failures[i] = s.translate("load deliveries", err)
		case !found:
			failures[i] = webhook.NotFound("delivery", id)
		default:
			dispatches[i], failures[i] = row.dispatch(endpoints[row.EndpointID])
		}
	}
	return dispatches, failures
}

// dispatch is all that an attempt of the delivery needs, or which part of it is missing.
func (r deliveryRow) dispatch(endpoint openedEndpoint) (webhook.Dispatch, error) {
	dispatch := webhook.Dispatch{Delivery: r.delivery(), Event: r.eventOrNone(), Endpoint: endpoint.Endpoint, Attempts: r.AttemptCount}
	switch {
	case r.Event == nil:
		dispatch.Missing = webhook.FailureEventMissing
	case webhook.CodeOf(endpoint.err) == webhook.CodeNotFound:
		dispatch.Missing = webhook.FailureEndpointMissing
	default:
		return dispatch, endpoint.err
	}
	return dispatch, nil
}

// openedEndpoint is an endpoint with its secrets, or why it cannot be had.
type openedEndpoint struct {
	webhook.Endpoint
	err error
}

// loadTogether reads each endpoint once, however many of the deliveries go to it.
func (s *Store) loadTogether(ctx context.Context, ids []string) (map[string]deliveryRow, map[string]openedEndpoint, error) {
	rows, err := s.loadRows(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	endpoints := map[string]openedEndpoint{}
	var wanted []string
	for _, row := range rows {
		if _, known := endpoints[row.EndpointID]; !known {
			endpoints[row.EndpointID] = openedEndpoint{err: webhook.NotFound("endpoint", row.EndpointID)}
			wanted = append(wanted, row.EndpointID)
		}
	}
	if len(wanted) == 0 {
		return rows, endpoints, nil
	}
	var found []endpointRow
	if err := s.db.WithContext(ctx).Where(s.oneOf("id", wanted)).Find(&found).Error; err != nil {
		return nil, nil, err
	}
	for _, row := range found {
		endpoint, err := s.endpointToSend(row)
		endpoints[row.ID] = openedEndpoint{endpoint, err}
	}
	return rows, endpoints, nil
}

const loadRowsSQL = "SELECT " + deliveryColumns + ", " + eventColumns + " FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.id "

// loadRows reads deliveries with their events. Those whose event is gone, which nobody but an operator can have removed, are read by
// a statement of their own.
func (s *Store) loadRows(ctx context.Context, ids []string) (map[string]deliveryRow, error) {
	found, err := s.loadWhole(ctx, ids)
	if err != nil || len(found) == len(ids) {
		return found, err
	}
	var missing []string
	for _, id := range ids {
		if _, whole := found[id]; !whole {
			missing = append(missing, id)
		}
	}
	var rows []deliveryRow
	if err := s.db.WithContext(ctx).Where(s.oneOf("id", missing)).Find(&rows).Error; err != nil {
		return nil, err
	}
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// loadWhole reads deliveries with their events, and leaves out those whose event is gone.
func (s *Store) loadWhole(ctx context.Context, ids []string) (found map[string]deliveryRow, err error) {
	query := s.db.WithContext(ctx).Raw(loadRowsSQL+"IN ?", ids)
	if s.dialect.Arrays {
		query = s.db.WithContext(ctx).Raw(loadRowsSQL+"= ANY(?)", array{ids})
	}
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = make(map[string]deliveryRow, len(ids))
	for rows.Next() {
		var d deliveryRow
		var e eventRow
		if err := rows.Scan(append(d.targets(), e.targets()...)...); err != nil {
			return nil, err
		}
		e.ID = d.EventID
		d.Event = &e
		found[d.ID] = d
	}
	return found, rows.Err()
}

// RecordOutcomes is RecordOutcome for many deliveries at once: in one statement where the database can, and then one by one
// for those that were fenced out, recorded before or refused. Both slices are in the order of the outcomes: one that cannot be
// recorded has an error and keeps none of the others back.
func (s *Store) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	moved, err := s.recordTogether(ctx, outcomes)
	now, failures := make([]webhook.Delivery, len(outcomes)), make([]error, len(outcomes))
	for i, o := range outcomes {
		switch {
		case moved[o.Attempt.ID]:
			now[i] = o.Delivery
		case err != nil:
			failures[i] = err
		default:
			now[i], failures[i] = s.RecordOutcome(ctx, o)
		}
	}
	return now, failures
}

// recordTogether records what one statement can and says which attempts that were. The error is that of a database that is
// away; for any other, nothing was recorded, and each outcome has to be tried alone to see whose fault it was.
func (s *Store) recordTogether(ctx context.Context, outcomes []webhook.Outcome) (moved map[string]bool, err error) {
	if !s.dialect.Arrays {
		return nil, nil //nolint:nilnil // nothing was recorded, and nothing went wrong
	}
	columns := newOutcomeColumns(outcomes)
	if len(columns.ids) == 0 {
		return nil, nil //nolint:nilnil // likewise
	}
	moved, err = scanIDs(s.db.WithContext(ctx).Raw(recordTogetherSQL, columns.arrays()...))
	if err != nil {
		if err = s.translate("record attempts", err); webhook.CodeOf(err) == webhook.CodeUnavailable {
			return nil, err
		}
		return nil, nil //nolint:nilnil // one of them is refused, and the others have to be told from it
	}
	return moved, nil
}

// scanIDs runs a statement that returns IDs. GORM's own Scan would spell the statement out with all its values first, for a log
// that nobody keeps.
func scanIDs(query *gorm.DB) (ids map[string]bool, err error) {
	rows, err := query.Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	ids = map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, rows.Err()
}

// recordTogetherSQL is moveDelivery and the attempt's insertion for all rows whose revision is still the one before.
const recordTogetherSQL = `
WITH outcome AS (
	SELECT * FROM unnest(
		CAST(? AS text[]), CAST(? AS bigint[]), CAST(? AS text[]), CAST(? AS integer[]), CAST(? AS timestamptz[]), CAST(? AS timestamptz[]),
		CAST(? AS text[]), CAST(? AS text[]), CAST(? AS timestamptz[]), CAST(? AS bigint[]), CAST(? AS text[]), CAST(? AS text[]),
		CAST(? AS integer[]), CAST(? AS text[]), CAST(? AS bytea[]), CAST(? AS boolean[]), CAST(? AS text[])
	) AS o (
		id, revision, status, retry_count, next_retry_at, updated_at,
		attempt_id, organization_id, started_at, duration_ms, outcome, request_headers,
		response_status, response_headers, response_body, response_body_truncated, error_message
	)
), moved AS (
	UPDATE deliveries d SET status = o.status, retry_count = o.retry_count, next_retry_at = o.next_retry_at, failure_reason = '',
		orphan_count = 0, last_attempt_id = o.attempt_id, attempt_count = d.attempt_count + 1, revision = o.revision, updated_at = o.updated_at
	FROM outcome o WHERE d.id = o.id AND d.revision = o.revision - 1
	RETURNING d.id, d.attempt_count
)
INSERT INTO attempts (id, organization_id, delivery_id, number, started_at, duration_ms, outcome, request_headers,
	response_status, response_headers, response_body, response_body_truncated, error_message, next_retry_at)
SELECT o.attempt_id, o.organization_id, o.id, m.attempt_count, o.started_at, o.duration_ms, o.outcome, o.request_headers,
	o.response_status, o.response_headers, o.response_body, o.response_body_truncated, o.error_message, o.next_retry_at
FROM outcome o JOIN moved m ON m.id = o.id
RETURNING id`

// outcomeColumns are outcomes turned on their side.
type outcomeColumns struct {
	ids, statuses                                  []string
	revisions                                      []int64
	retryCounts                                    []int32
	nextRetryAts                                   []*time.Time
	updatedAts                                     []time.Time
	attemptIDs, organizationIDs, outcomes          []string
	startedAts                                     []time.Time
	durations                                      []int64
	requestHeaders, responseHeaders, errorMessages []string
	responseStatuses                               []int32
	responseBodies                                 [][]byte
	truncated                                      []bool
}

// newOutcomeColumns takes what one statement can record: each delivery once, and nothing that does more than that. They are
// sorted, so that two statements lock the rows that they share in the same order.
func newOutcomeColumns(outcomes []webhook.Outcome) *outcomeColumns {
	sorted := slices.Clone(outcomes)
	slices.SortFunc(sorted, func(a, b webhook.Outcome) int { return strings.Compare(a.Delivery.ID, b.Delivery.ID) })
	c := &outcomeColumns{}
	for i, o := range sorted {
		twice := i > 0 && sorted[i-1].Delivery.ID == o.Delivery.ID
		if row, err := newAttemptRow(o.Attempt); err == nil && !twice && !o.DisableEndpoint {
			c.add(o.Delivery, row)
		}
	}
	return c
}

func (c *outcomeColumns) add(d webhook.Delivery, a attemptRow) {
	c.ids = append(c.ids, d.ID)
	c.revisions = append(c.revisions, d.Revision)
	c.statuses = append(c.statuses, string(d.Status))
	c.retryCounts = append(c.retryCounts, int32(d.RetryCount)) //nolint:gosec // at most webhook.MaxRetries
	c.nextRetryAts = append(c.nextRetryAts, nullable(d.NextRetryAt))
	c.updatedAts = append(c.updatedAts, d.UpdatedAt)
	c.attemptIDs = append(c.attemptIDs, a.ID)
	c.organizationIDs = append(c.organizationIDs, a.OrganizationID)
	c.startedAts = append(c.startedAts, a.StartedAt)
	c.durations = append(c.durations, a.DurationMs)
	c.outcomes = append(c.outcomes, a.Outcome)
	c.requestHeaders = append(c.requestHeaders, a.RequestHeaders)
	c.responseStatuses = append(c.responseStatuses, int32(a.ResponseStatus)) //nolint:gosec // three digits
	c.responseHeaders = append(c.responseHeaders, a.ResponseHeaders)
	c.responseBodies = append(c.responseBodies, a.ResponseBody)
	c.truncated = append(c.truncated, a.ResponseBodyTruncated)
	c.errorMessages = append(c.errorMessages, a.ErrorMessage)
}

// arrays are in the order of recordTogetherSQL.
func (c *outcomeColumns) arrays() []any {
	return []any{
		array{c.ids},
		array{c.revisions},
		array{c.statuses},
		array{c.retryCounts},
		array{c.nextRetryAts},
		array{c.updatedAts},
		array{c.attemptIDs},
		array{c.organizationIDs},
		array{c.startedAts},
		array{c.durations},
		array{c.outcomes},
		array{c.requestHeaders},
		array{c.responseStatuses},
		array{c.responseHeaders},
		array{c.responseBodies},
		array{c.truncated},
		array{c.errorMessages},
	}
}
