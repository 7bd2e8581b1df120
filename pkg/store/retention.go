package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// Purged is what one batch of a purge removed, and where the next one goes on.
type Purged struct {
	Deliveries, Attempts, Events int64
	// After is the ID of the last row that was looked at, empty once there are no more.
	After string
}

// PurgeDeliveries removes deliveries that were made and ended before a time, with their attempts: the oldest first, from behind
// the ID after, up to limit of them. Two processes at it share the work.
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

// PurgeEvents removes events that were published before a time and have no delivery any more, likewise.
func (s *Store) PurgeEvents(ctx context.Context, before time.Time, after string, limit int) (purged Purged, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		used := tx.Session(&gorm.Session{NewDB: true}).Model(&deliveryRow{}).Select("1").Where("deliveries.event_id = events.id")
		ids, err := s.lockOldest(tx.Model(&eventRow{}).Where("NOT EXISTS (?)", used), webhook.FirstID(webhook.KindEvent, before), after, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		// Asked again now that the rows are locked: a replay may have been faster.
		events := tx.Where(s.oneOf("id", ids)).Where("NOT EXISTS (?)", used).Delete(&eventRow{})
		purged = Purged{Events: events.RowsAffected, After: cursor(ids, limit)}
		return events.Error
	})
	return purged, s.translate("purge events", err)
}

// lockOldest returns the IDs of the oldest rows before an ID and leaves out those that somebody else has in hand.
func (s *Store) lockOldest(query *gorm.DB, before, after string, limit int) (ids []string, err error) {
	if s.dialect.RowLocks {
		query = query.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate, Options: clause.LockingOptionsSkipLocked})
	}
	return ids, query.Where("id < ? AND id > ?", before, after).Order("id").Limit(limit).Pluck("id", &ids).Error
}

func cursor(ids []string, limit int) string {
	if len(ids) < limit {
		return ""
	}
	return ids[len(ids)-1]
}

// keepEvent holds a purge off the event until the transaction ends, or says that it came too late.
func (s *Store) keepEvent(tx *gorm.DB, id string) error {
	var row eventRow
	if s.dialect.RowLocks {
		tx = tx.Clauses(clause.Locking{Strength: "KEY SHARE"})
	}
	return notFound(tx.Select("id").Where("id = ?", id).Take(&row).Error, "event", id)
}
