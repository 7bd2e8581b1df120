package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// ReserveTest records that a test delivery to the endpoint is requested now. Of the calls within webhook.TestInterval, by the clock of the
// database, one succeeds. The others get an error with the code rate_limited. It returns the endpoint without signing secrets and header
// values.
func (s *Store) ReserveTest(ctx context.Context, organizationID, endpointID string) (webhook.Endpoint, error) {
	now, last, ahead := s.clock(0), s.clock(webhook.TestInterval), s.clock(-webhook.TestInterval)
	update := s.db.WithContext(ctx).Model(&endpointRow{}).
		Where("id = ? AND organization_id = ? AND deleted_at IS NULL", endpointID, organizationID).
		Where("(tested_at IS NULL OR tested_at <= ? OR tested_at > ?)", last, ahead). // a clock that was set back ends the wait
		UpdateColumn("tested_at", now)
	if update.Error != nil {
		return webhook.Endpoint{}, s.translate("reserve a test delivery", update.Error)
	}
	endpoint, err := s.FindEndpoint(ctx, organizationID, endpointID)
	if err == nil && update.RowsAffected == 0 {
		err = webhook.RateLimited(webhook.TestInterval, "an endpoint takes one test delivery a second")
	}
	return endpoint, err
}

// clock returns the SQL expression of a time ago, by the clock of the database.
func (s *Store) clock(ago time.Duration) any {
	if s.dialect.Postgres {
		return gorm.Expr("now() - CAST(? AS bigint) * interval '1 microsecond'", ago.Microseconds())
	}
	return webhook.Now().Add(-ago)
}

// FindStatus returns the status of one delivery of the organization.
func (s *Store) FindStatus(ctx context.Context, organizationID, deliveryID string) (webhook.Status, error) {
	var row deliveryRow
	err := s.db.WithContext(ctx).Select("status").Where("id = ? AND organization_id = ?", deliveryID, organizationID).Take(&row).Error
	return webhook.Status(row.Status), s.translate("find a delivery's status", notFound(err, "delivery", deliveryID))
}
