package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// CancelDelivery ends a waiting delivery as webhook.Cancellation says, and returns it. It does not wait for an attempt in flight: the outcome
// of that attempt is superseded. The update is conditional on the status. A delivery in another status gets webhook.ErrDeliveryNotWaiting.
func (s *Store) CancelDelivery(ctx context.Context, c webhook.Cancellation) (webhook.Record, error) {
	cancelled := false
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		update := tx.Model(&deliveryRow{}).
			Where("id = ? AND organization_id = ? AND status IN ('pending', 'retrying')", c.DeliveryID, c.OrganizationID).
			UpdateColumns(failedColumns(c.Cancelled()))
		cancelled = update.RowsAffected > 0
		if update.Error != nil || !cancelled {
			return update.Error
		}
		return s.countDeliveries(tx, "failed", webhook.HourOf(c.At), c.DeliveryID)
	})
	if err != nil {
		return webhook.Record{}, s.translate("cancel a delivery", err)
	}
	record, err := s.FindDelivery(ctx, c.OrganizationID, c.DeliveryID)
	if err == nil && !cancelled {
		return webhook.Record{}, webhook.ErrDeliveryNotWaiting
	}
	return record, err
}
