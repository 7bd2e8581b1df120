package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// CountOrphan counts an attempt of the delivery that ended without an outcome, and returns the delivery as it is now. It does not raise the
// revision, so that the outcome of the attempt still counts if it arrives later. It leaves a delivery in a terminal status unchanged.
func (s *Store) CountOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	var row deliveryRow
	tx := s.db.WithContext(ctx)
	update := tx.Model(&row).Clauses(returning(&row)).Where("id = ? AND status IN ('pending', 'retrying')", id).
		UpdateColumn("orphan_count", gorm.Expr("orphan_count + 1"))
	err := update.Error
	if err == nil && update.RowsAffected == 0 {
		err = notFound(tx.Where("id = ?", id).Take(&row).Error, "delivery", id)
	}
	return row.delivery(), s.translate("count an orphaned attempt", err)
}
