package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// records returns the query for the organization's deliveries with their events and last attempts.
func (s *Store) records(ctx context.Context, organizationID string) *gorm.DB {
	return s.db.WithContext(ctx).Joins("Event").Joins("LastAttempt").Where("deliveries.organization_id = ?", organizationID)
}

// CreateDelivery inserts another delivery of an existing event, which is a replay. It returns an error with the code not_found if the event
// no longer exists.
func (s *Store) CreateDelivery(ctx context.Context, d webhook.Delivery) error {
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := s.keepEvent(tx, d.EventID); err != nil {
			return err
		}
		return s.createDeliveries(tx, d.EventID, []webhook.Delivery{d})
	})
	return s.translate("create a delivery", err)
}

// FindDelivery returns one delivery of the organization with its event and its last attempt.
func (s *Store) FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	var row deliveryRow
	if err := s.records(ctx, organizationID).Where("deliveries.id = ?", id).Take(&row).Error; err != nil {
		return webhook.Record{}, s.translate("find a delivery", notFound(err, "delivery", id))
	}
	return row.record(), nil
}

// ListDeliveries returns a page of the organization's deliveries, newest first. If endpointID is not empty, it returns those of that
// endpoint only. It finds the IDs of the page in an index and reads events and attempts for these IDs alone.
func (s *Store) ListDeliveries(ctx context.Context, organizationID, endpointID string, page webhook.Page) (webhook.List[webhook.Record], error) {
	none := webhook.List[webhook.Record]{}
	query := s.db.WithContext(ctx).Model(&deliveryRow{}).Where("organization_id = ?", organizationID)
	if endpointID != "" {
		query = query.Where("endpoint_id = ?", endpointID)
	}
	var found []string
	if err := query.Order("id DESC").Limit(page.Limit+1).Offset(page.Offset).Pluck("id", &found).Error; err != nil {
		return none, s.translate("list the deliveries", err)
	}
	ids := webhook.NewList(found, page)
	var rows []deliveryRow
	err := s.records(ctx, organizationID).Where(s.oneOf("deliveries.id", ids.Items)).Order("deliveries.id DESC").Find(&rows).Error
	if err != nil {
		return none, s.translate("read a page of deliveries", err)
	}
	records := webhook.List[webhook.Record]{Items: make([]webhook.Record, len(rows)), HasMore: ids.HasMore}
	for i, row := range rows {
		records.Items[i] = row.record()
	}
	return records, nil
}
