package store

import (
	"context"

	"redrive/pkg/webhook"
)

// Unhealthy is how many endpoints of all organizations are failing or disabled.
type Unhealthy struct {
	// Failing endpoints are active and have failed since their last success.
	Failing int64
	// Disabled counts disabled endpoints by reason. DisabledManually includes those without a reason.
	Disabled map[webhook.DisabledReason]int64
}

// CountUnhealthy counts endpoints that are failing or disabled and not deleted. It reads partial indexes that have these endpoints only.
func (s *Store) CountUnhealthy(ctx context.Context) (Unhealthy, error) {
	var counted Unhealthy
	var rows []struct {
		DisabledReason webhook.DisabledReason
		Endpoints      int64
	}
	db := s.db.WithContext(ctx)
	err := db.Model(&endpointRow{}).Select("disabled_reason, count(*) AS endpoints").Where("status = 'disabled' AND deleted_at IS NULL").
		Group("disabled_reason").Find(&rows).Error
	if err != nil {
		return counted, s.translate("count disabled endpoints", err)
	}
	counted.Disabled = map[webhook.DisabledReason]int64{}
	for _, row := range rows {
		if row.DisabledReason == "" {
			row.DisabledReason = webhook.DisabledManually
		}
		counted.Disabled[row.DisabledReason] += row.Endpoints
	}
	err = db.Model(&healthRow{}).Joins("JOIN endpoints e ON e.id = endpoint_health.endpoint_id AND e.status = 'active' AND e.deleted_at IS NULL").
		Where("failing_since IS NOT NULL").Count(&counted.Failing).Error
	return counted, s.translate("count failing endpoints", err)
}
