package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// CancelDelivery ends a waiting delivery as webhook.Cancellation says, and returns it. It does not wait for an attempt in flight: the outcome
// of that attempt is superseded. The update is conditional on the status. A delivery in another status gets webhook.ErrDeliveryNotWaiting.
func (s *Store) CancelDelivery(ctx context.Context, c webhook.Cancellation) (webhook.Record, error) {
	var ended []string
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) (err error) {
		ended, err = s.cancelRows(tx, c, []string{c.DeliveryID})
		return err
	})
	if err != nil {
		return webhook.Record{}, s.translate("cancel a delivery", err)
	}
	record, err := s.FindDelivery(ctx, c.OrganizationID, c.DeliveryID)
	if err == nil && len(ended) == 0 {
		return webhook.Record{}, webhook.ErrDeliveryNotWaiting
	}
	return record, err
}

// cancelRows writes the state of a cancellation to those of the deliveries that wait, and counts them. It returns their IDs. tx is a
// transaction.
func (s *Store) cancelRows(tx *gorm.DB, c webhook.Cancellation, ids []string) (ended []string, err error) {
	next := c.Cancelled()
	columns := s.failedColumns(next)
	columns["bulk_job_id"] = next.BulkJobID
	var rows []deliveryRow
	err = tx.Model(&rows).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}}}).Where(s.oneOf("id", ids)).
		Where("organization_id = ? AND status IN ('pending', 'retrying')", c.OrganizationID).UpdateColumns(columns).Error
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	for _, row := range rows {
		ended = append(ended, row.ID)
	}
	return ended, s.countDeliveries(tx, "failed", webhook.HourOf(c.At), ended...)
}
