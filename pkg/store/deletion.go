package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// FindEndpointEver is FindEndpoint for an endpoint that may have been deleted.
func (s *Store) FindEndpointEver(ctx context.Context, organizationID, id string) (webhook.Endpoint, error) {
	var row endpointRow
	err := s.db.WithContext(ctx).Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	if err != nil {
		return webhook.Endpoint{}, s.translate("find an endpoint", notFound(err, "endpoint", id))
	}
	return row.endpoint(), nil
}

// EndDeleted ends up to limit waiting deliveries of endpoints that were deleted at or after a time, in one transaction, and returns how
// many. Concurrent calls skip each other's rows, and those of outcomes that are being recorded. An attempt in flight is superseded.
func (s *Store) EndDeleted(ctx context.Context, since, now time.Time, limit int) (ended int64, err error) {
	next, err := webhook.Delivery{Status: webhook.StatusPending}.Failed(webhook.FailureEndpointDeleted, now)
	if err != nil {
		return 0, err
	}
	db := s.db.WithContext(ctx)
	query, arguments := lockEndedSQL, []any{limit, since, limit}
	if !s.dialect.Postgres {
		query, arguments = endedSQL, []any{since.UTC(), limit}
		// A transaction would lock the database, although there is usually nothing to end.
		var ids []string
		if err := db.Raw(query, arguments...).Scan(&ids).Error; err != nil || len(ids) == 0 {
			return 0, s.translate("find the deliveries of deleted endpoints", err)
		}
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		var ids []string
		if err := tx.Raw(query, arguments...).Scan(&ids).Error; err != nil || len(ids) == 0 {
			return err
		}
		update := tx.Model(&deliveryRow{}).Where(s.oneOf("id", ids)).UpdateColumns(s.failedColumns(next))
		if update.Error != nil {
			return update.Error
		}
		ended = update.RowsAffected
		return s.countDeliveries(tx, "failed", webhook.HourOf(now), ids...)
	})
	return ended, s.translate("end the deliveries of deleted endpoints", err)
}

// failedColumns returns the state of a waiting delivery after a failure without an attempt. The revision of next is the increment.
func (s *Store) failedColumns(next webhook.Delivery) map[string]any {
	return map[string]any{
		"status": next.Status, "next_retry_at": nullable(next.NextRetryAt), "failure_reason": next.FailureReason,
		"revision": gorm.Expr("revision + ?", next.Revision), "updated_at": next.UpdatedAt,
		"failed_at": s.instant(),
	}
}

const (
	// lockEndedSQL looks at one entry of the index deliveries_by_lane for each deleted endpoint without waiting deliveries.
	lockEndedSQL = `SELECT d.id FROM endpoints e CROSS JOIN LATERAL (
	SELECT id FROM deliveries WHERE endpoint_id = e.id AND status IN ('pending', 'retrying') LIMIT ? FOR UPDATE SKIP LOCKED
) d WHERE e.deleted_at >= ? LIMIT ?`

	endedSQL = `SELECT d.id FROM endpoints e JOIN deliveries d ON d.endpoint_id = e.id AND d.status IN ('pending', 'retrying')
WHERE e.deleted_at >= ? LIMIT ?`
)

// PurgeEndpoints deletes endpoints that were deleted before a time and have no delivery, with their changes and their health, as
// PurgeDeliveries does.
func (s *Store) PurgeEndpoints(ctx context.Context, before time.Time, after string, limit int) (purged Purged, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		used := tx.Session(&gorm.Session{NewDB: true}).Model(&deliveryRow{}).Select("1").
			Where("deliveries.organization_id = endpoints.organization_id AND deliveries.endpoint_id = endpoints.id")
		old := tx.Model(&endpointRow{}).Where("deleted_at < ? AND NOT EXISTS (?)", before, used)
		ids, err := s.lockOldest(old, webhook.FirstID(webhook.KindEndpoint, before), after, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := tx.Where(s.oneOf("endpoint_id", ids)).Delete(&endpointChangeRow{}).Error; err != nil {
			return err
		}
		purging := s.db.Model(&endpointRow{}).Select("organization_id, id").Where(s.oneOf("id", ids))
		if err := tx.Where("(organization_id, endpoint_id) IN (?)", purging).Delete(&healthRow{}).Error; err != nil {
			return err
		}
		endpoints := tx.Where(s.oneOf("id", ids)).Delete(&endpointRow{})
		purged = Purged{Endpoints: endpoints.RowsAffected, After: cursor(ids, limit)}
		return endpoints.Error
	})
	return purged, s.translate("purge endpoints", err)
}
