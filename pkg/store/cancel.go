package store

import (
	"context"

	"redrive/pkg/webhook"
)

// CancelDelivery ends a waiting delivery as webhook.Cancellation says, and returns it. It does not wait for an attempt in flight: the outcome
// of that attempt is superseded. The update is conditional on the status. A delivery in another status gets webhook.ErrDeliveryNotWaiting.
func (s *Store) CancelDelivery(ctx context.Context, c webhook.Cancellation) (webhook.Record, error) {
	update := s.db.WithContext(ctx).Model(&deliveryRow{}).
		Where("id = ? AND organization_id = ? AND status IN ('pending', 'retrying')", c.DeliveryID, c.OrganizationID).
		UpdateColumns(failedColumns(c.Cancelled()))
	if update.Error != nil {
		return webhook.Record{}, s.translate("cancel a delivery", update.Error)
	}
	record, err := s.FindDelivery(ctx, c.OrganizationID, c.DeliveryID)
	if err == nil && update.RowsAffected == 0 {
		return webhook.Record{}, webhook.ErrDeliveryNotWaiting
	}
	return record, err
}
