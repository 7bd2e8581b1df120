package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// RetryDeliveries is RetryDelivery for many callers at once: in one statement where the database can. Both slices are in the order
// of the retries. Of several that name the same delivery one can succeed.
func (s *Store) RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	records, failures := make([]webhook.Record, len(retries)), make([]error, len(retries))
	var together map[string]webhook.Record
	if s.dialect.Arrays {
		var err error
		if together, err = s.retryTogether(ctx, retries); webhook.CodeOf(err) == webhook.CodeUnavailable {
			for i := range failures {
				failures[i] = err
			}
			return records, failures
		}
	}
	for i, retry := range retries {
		if record, won := together[retry.DeliveryID]; won && record.Delivery.OrganizationID == retry.OrganizationID {
			records[i] = record
			delete(together, retry.DeliveryID) // whoever else wanted it was too late
			continue
		}
		// One by one: what could not be retried is told why.
		records[i], failures[i] = s.RetryDelivery(ctx, retry.OrganizationID, retry.DeliveryID, retry.At)
	}
	return records, failures
}

// retryTogetherSQL is what RetryDelivery does to a row, guard and all, and returns it as it is shown.
const retryTogetherSQL = `
WITH d AS (
	UPDATE deliveries
	SET status = 'pending', retry_count = 0, next_retry_at = LEAST(wanted.at, now()), failure_reason = '', orphan_count = 0,
		revision = revision + 1, updated_at = wanted.at
	FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS timestamptz[])) AS wanted (id, organization_id, at)
	WHERE deliveries.id = wanted.id AND deliveries.organization_id = wanted.organization_id AND status = 'failure'
		AND EXISTS (SELECT 1 FROM endpoints e WHERE e.id = deliveries.endpoint_id AND e.status = 'active')
	RETURNING deliveries.id, deliveries.organization_id, endpoint_id, event_id, status, retry_count, max_retries, next_retry_at, revision,
		queue, failure_reason, orphan_count, attempt_count, last_attempt_id, created_at, updated_at
)
SELECT ` + deliveryColumns + ", " + eventOrNoneColumns + ", " + lastAttemptColumns + `
FROM d LEFT JOIN events e ON e.id = d.event_id LEFT JOIN attempts a ON a.id = d.last_attempt_id`

// retryTogether returns what it has requeued, as it is shown. An error means that nothing was, or that nobody knows: a retry that
// was committed all the same is then refused, for the delivery has not failed any more, and is made.
func (s *Store) retryTogether(ctx context.Context, retries []webhook.Retry) (records map[string]webhook.Record, err error) {
	defer func() {
		if err != nil {
			records, err = nil, s.translate("retry deliveries", err) // what has been read of a statement that failed was undone
		}
	}()
	var ids, organizations []string
	var at []time.Time
	// In one order, whoever writes: two that wait for each other's rows would be a deadlock.
	ordered := slices.SortedFunc(slices.Values(retries), func(a, b webhook.Retry) int { return cmp.Compare(a.DeliveryID, b.DeliveryID) })
	for _, retry := range ordered {
		ids = append(ids, retry.DeliveryID)
		organizations = append(organizations, retry.OrganizationID)
		at = append(at, retry.At)
	}
	rows, err := s.db.WithContext(ctx).Raw(retryTogetherSQL, array{ids}, array{organizations}, array{at}).Rows()
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
