package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// PurgeStatistics adds up to limit rows of hours that are no longer kept to their days, and deletes up to limit days that are no longer
// kept. It returns how many rows it deleted. Concurrent calls wait for each other.
func (s *Store) PurgeStatistics(ctx context.Context, now time.Time, limit int) (purged int64, err error) {
	oldest := webhook.OldestHour(now)
	var old []int
	query := s.db.WithContext(ctx).Raw(`SELECT 1 WHERE EXISTS (SELECT 1 FROM statistics_hours WHERE period + 0 < ?)
		OR EXISTS (SELECT 1 FROM statistics_days WHERE period + 0 < ?) OR EXISTS (SELECT 1 FROM statistics_types WHERE day + 0 < ?)`,
		oldest, webhook.OldestDay(now), oldest.Day())
	if err := query.Scan(&old).Error; err != nil || len(old) == 0 {
		return 0, s.translate("find old statistics", err)
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if _, err := s.lockStatistics(tx, false); err != nil {
			return err
		}
		moved, err := s.moveHours(tx, oldest, limit)
		if err != nil {
			return err
		}
		days, err := deleteOld(tx, "statistics_days", "organization_id, endpoint_id, event_type, period", "period + 0", int64(webhook.OldestDay(now)), limit)
		if err != nil {
			return err
		}
		types, err := deleteOld(tx, "statistics_types", "organization_id, day, event_type", "day + 0", int64(oldest.Day()), limit)
		purged = moved + days + types
		return err
	})
	return purged, s.translate("purge statistics", err)
}

// moveHours adds up to limit rows of hours before an hour to their days, and deletes them.
func (s *Store) moveHours(tx *gorm.DB, before webhook.Hour, limit int) (int64, error) {
	var rows []countRow
	if err := tx.Table("statistics_hours").Where("period + 0 < ?", before).Order("period + 0").Limit(limit).Find(&rows).Error; err != nil || len(rows) == 0 {
		return 0, err
	}
	keys := make([]periodKey, len(rows))
	days := periodCounts{}
	for i, row := range rows {
		keys[i] = row.key()
		counts, err := row.counts()
		if err != nil {
			return 0, err
		}
		day := row.key()
		day.period = webhook.Hour(row.Period.Day())
		days.add(day, counts)
	}
	if err := s.addCounts(tx, "statistics_days", days); err != nil {
		return 0, err
	}
	return int64(len(rows)), s.deleteCounts(tx, "statistics_hours", keys)
}

// deleteCounts deletes rows of hours or days.
func (s *Store) deleteCounts(tx *gorm.DB, table string, keys []periodKey) error {
	list, arguments := s.keyTuples(keys)
	return tx.Exec("DELETE FROM "+table+" WHERE (organization_id, endpoint_id, event_type, period) IN ("+list+")", arguments...).Error
}

// deleteOld deletes up to limit rows of a table whose column is less than a number. The key is that of the table.
func deleteOld(tx *gorm.DB, table, key, column string, before int64, limit int) (int64, error) {
	deleted := tx.Exec("DELETE FROM "+table+" WHERE ("+key+") IN (SELECT "+key+" FROM "+table+" WHERE "+column+" < ? ORDER BY "+column+" LIMIT ?)", before, limit)
	return deleted.RowsAffected, deleted.Error
}
