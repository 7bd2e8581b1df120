package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// PurgeIdempotencyKeys deletes up to limit keys that were recorded before a time, oldest first. It returns how many it deleted. Concurrent
// calls skip each other's rows.
func (s *Store) PurgeIdempotencyKeys(ctx context.Context, before time.Time, limit int) (purged int64, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		old := tx.Session(&gorm.Session{NewDB: true}).Model(&idempotencyRow{}).Select("organization_id", "key_hash").
			Where("created_at < ?", before).Order("created_at").Limit(limit)
		deleted := tx.Where("(organization_id, key_hash) IN (?)", s.locking(old, forUpdateSkip)).Delete(&idempotencyRow{})
		purged = deleted.RowsAffected
		return deleted.Error
	})
	return purged, s.translate("purge idempotency keys", err)
}
