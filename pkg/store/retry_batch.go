package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// RetryDeliveries is RetryDelivery for many callers at once: in one statement where the database can. Both slices are in the order
// of the retries. Of several that name the same delivery one can succeed.
func (s *Store) RetryDeliveries(ctx context.Context, retries []webhook.Retry) ([]webhook.Record, []error) {
	records, failures := make([]webhook.Record, len(retries)), make([]error, len(retries))
	together := map[string]webhook.Record{}
	if s.dialect.Arrays && len(retries) > 1 {
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

// retryTogetherSQL is what RetryDelivery does to a row, guard and all.
const retryTogetherSQL = `
UPDATE deliveries d
SET status = 'pending', retry_count = 0, next_retry_at = wanted.at, failure_reason = '', orphan_count = 0,
	revision = d.revision + 1, updated_at = wanted.at
FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS timestamptz[])) AS wanted (id, organization_id, at)
WHERE d.id = wanted.id AND d.organization_id = wanted.organization_id AND d.status = 'failure'
	AND EXISTS (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint_id AND e.status = 'active')
RETURNING d.*`

// retryTogether returns what it has requeued, as it is shown. An error means that nothing was, or that nobody knows: a retry that
// was committed all the same is then refused, for the delivery has not failed any more, and is made.
func (s *Store) retryTogether(ctx context.Context, retries []webhook.Retry) (map[string]webhook.Record, error) {
	var columns struct {
		ids, organizations []string
		at                 []time.Time
	}
	// In one order, whoever writes: two that wait for each other's rows would be a deadlock.
	ordered := slices.SortedFunc(slices.Values(retries), func(a, b webhook.Retry) int { return cmp.Compare(a.DeliveryID, b.DeliveryID) })
	for _, retry := range ordered {
		columns.ids = append(columns.ids, retry.DeliveryID)
		columns.organizations = append(columns.organizations, retry.OrganizationID)
		columns.at = append(columns.at, retry.At)
	}
	var requeued []deliveryRow
	err := s.db.WithContext(ctx).Raw(retryTogetherSQL, array{columns.ids}, array{columns.organizations}, array{columns.at}).Find(&requeued).Error
	if err != nil || len(requeued) == 0 {
		return nil, s.translate("retry deliveries", err)
	}
	ids := make([]string, len(requeued))
	for i, row := range requeued {
		ids[i] = row.ID
	}
	var shown []deliveryRow
	err = s.db.WithContext(ctx).InnerJoins("Event").Joins("LastAttempt").Where(s.oneOf("deliveries.id", ids)).Find(&shown).Error
	if err != nil {
		return nil, s.translate("read retried deliveries", err)
	}
	records := make(map[string]webhook.Record, len(shown))
	for _, row := range shown {
		if records[row.ID], err = row.record(); err != nil {
			return nil, err
		}
	}
	for _, row := range requeued { // the rows may have moved on already; the callers are shown what they did
		record := records[row.ID]
		record.Delivery = row.delivery()
		records[row.ID] = record
	}
	return records, nil
}
