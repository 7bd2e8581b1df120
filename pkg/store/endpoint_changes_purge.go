package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// PurgeEndpointChanges deletes up to limit changes that were made before a time. If there are none, it deletes up to limit changes of one
// endpoint that has more than most, oldest first. It returns how many it deleted, which is 0 when nothing is left to delete. Concurrent
// calls delete each change once.
func (s *Store) PurgeEndpointChanges(ctx context.Context, before time.Time, most, limit int) (int64, error) {
	db := s.db.WithContext(ctx)
	old := s.db.Model(&endpointChangeRow{}).Select("id").Where("id < ?", webhook.FirstID(webhook.KindChange, before)).Order("id").Limit(limit)
	deleted := db.Where("id IN (?)", old).Delete(&endpointChangeRow{})
	if deleted.Error != nil || deleted.RowsAffected > 0 {
		return deleted.RowsAffected, s.translate("purge changes of endpoints", deleted.Error)
	}
	var crowded []string
	err := db.Model(&endpointChangeRow{}).Group("endpoint_id").Having("count(*) > ?", most).Limit(1).Pluck("endpoint_id", &crowded).Error
	if err != nil || len(crowded) == 0 {
		return 0, s.translate("find endpoints with many changes", err)
	}
	beyond := s.db.Model(&endpointChangeRow{}).Select("id").Where("endpoint_id = ?", crowded[0]).Order("id DESC").Offset(most).Limit(limit)
	deleted = db.Where("id IN (?)", beyond).Delete(&endpointChangeRow{})
	return deleted.RowsAffected, s.translate("purge changes of an endpoint", deleted.Error)
}
