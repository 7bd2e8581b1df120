package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Purged is the result of one batch of a purge.
type Purged struct {
	Deliveries, Attempts, Events, Endpoints int64
	// After is the ID after which the next batch continues. It is empty after the last batch.
	After string
}

// PurgeDeliveries deletes deliveries that were created and ended before a time, with their attempts. It deletes up to limit deliveries
// after an ID, oldest first. Concurrent calls skip each other's rows.
func (s *Store) PurgeDeliveries(ctx context.Context, before time.Time, after string, limit int) (purged Purged, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		ended := tx.Model(&deliveryRow{}).Where("status IN ('success', 'failure') AND updated_at < ?", before)
		ids, err := s.lockOldest(ended, webhook.FirstID(webhook.KindDelivery, before), after, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		attempts := tx.Where(s.oneOf("delivery_id", ids)).Delete(&attemptRow{})
		if attempts.Error != nil {
			return attempts.Error
		}
		deliveries := tx.Where(s.oneOf("id", ids)).Delete(&deliveryRow{})
		purged = Purged{Deliveries: deliveries.RowsAffected, Attempts: attempts.RowsAffected, After: cursor(ids, limit)}
		return deliveries.Error
	})
	return purged, s.translate("purge deliveries", err)
}

// PurgeEvents deletes events that were published before a time and have no delivery, in the same way.
func (s *Store) PurgeEvents(ctx context.Context, before time.Time, after string, limit int) (purged Purged, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		used := tx.Session(&gorm.Session{NewDB: true}).Model(&deliveryRow{}).Select("1").Where("deliveries.event_id = events.id")
		ids, err := s.lockOldest(tx.Model(&eventRow{}).Where("NOT EXISTS (?)", used), webhook.FirstID(webhook.KindEvent, before), after, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		// The condition is checked again under the locks, because a replay may have added a delivery meanwhile.
		events := tx.Where(s.oneOf("id", ids)).Where("NOT EXISTS (?)", used).Delete(&eventRow{})
		purged = Purged{Events: events.RowsAffected, After: cursor(ids, limit)}
		return events.Error
	})
	return purged, s.translate("purge events", err)
}

// lockOldest locks the oldest rows between two IDs and returns their IDs. It skips rows that another transaction has locked.
func (s *Store) lockOldest(query *gorm.DB, before, after string, limit int) (ids []string, err error) {
	return ids, s.locking(query, forUpdateSkip).Where("id < ? AND id > ?", before, after).Order("id").Limit(limit).Pluck("id", &ids).Error
}

func cursor(ids []string, limit int) string {
	if len(ids) < limit {
		return ""
	}
	return ids[len(ids)-1]
}

// keepEvent locks the event against a purge until the transaction ends. It returns not_found if the event was purged already.
func (s *Store) keepEvent(tx *gorm.DB, id string) error {
	var row eventRow
	return notFound(s.locking(tx, forKeyShare).Select("id").Where("id = ?", id).Take(&row).Error, "event", id)
}
