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

// CreateDelivery inserts another delivery of an existing event: a replay, or a delivery to an endpoint that missed the event. It returns an
// error with the code not_found if the event no longer exists. A bulk job that delivers the event to the same endpoint meanwhile sees the
// delivery.
func (s *Store) CreateDelivery(ctx context.Context, d webhook.Delivery) error {
	err := s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		return d.ID, nil, tx.Transaction(func(tx *gorm.DB) error {
			if d.ReplayOf == "" { // the event of a replay has a delivery to the endpoint
				if err := s.lockDeliver(tx, d.EndpointID, true); err != nil {
					return err
				}
			}
			if err := s.keepEvent(tx, d.EventID); err != nil {
				return err
			}
			if err := s.createDeliveries(tx, d.EventID, []webhook.Delivery{d}); err != nil {
				return err
			}
			return s.countDeliveries(tx, "created", webhook.HourOf(d.CreatedAt), d.ID)
		})
	})
	return s.translate("create a delivery", err)
}

// FindDelivery returns one delivery of the organization with its event and its last attempt.
func (s *Store) FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	var row deliveryRow
	if err := s.take(s.records(ctx, organizationID).Where(s.is("deliveries.id", id)), &row); err != nil {
		return webhook.Record{}, s.translate("find a delivery", notFound(err, "delivery", id))
	}
	return row.record(), nil
}

// recordSizes selects deliveries of the organization with the size of what records reads of them. The source is a subquery named d. The
// length of a value that PostgreSQL keeps out of line is known without reading it.
const recordSizes = `
SELECT d.id, COALESCE(octet_length(e.data), 0) + COALESCE(` + attemptBytes + `, 0) AS bytes
FROM (?) d LEFT JOIN events e ON e.id = d.event_id LEFT JOIN attempts a ON a.id = d.last_attempt_id ORDER BY d.id DESC`

// attemptBytes is the size of an attempt in a record.
const attemptBytes = "octet_length(a.response_body) + octet_length(a.request_headers) + octet_length(a.response_headers)"

// headerSizes is recordSizes for records without bodies.
const headerSizes = `
SELECT d.id, COALESCE(octet_length(a.request_headers) + octet_length(a.response_headers), 0) AS bytes
FROM (?) d LEFT JOIN attempts a ON a.id = d.last_attempt_id ORDER BY d.id DESC`

// PageDeliveries returns a page of the deliveries that the filter selects, newest first, with their sizes. ReadDeliveries reads them. It
// finds the page in indexes and looks at events and attempts for it alone. A page of a filter that no index serves may be short or empty
// although the list goes on, see walk.
func (s *Store) PageDeliveries(ctx context.Context, f webhook.DeliveryFilter, page webhook.Page) (webhook.List[webhook.Sized], error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.List[webhook.Sized], error) {
		return r.PageDeliveries(ctx, f, page)
	}); answered {
		return found, err
	}
	sizes := recordSizes
	if page.WithoutBodies {
		sizes = headerSizes
	}
	var list webhook.List[webhook.Sized]
	if f.Searches() {
		ids, next, err := s.searchDeliveries(ctx, f, page)
		list.HasMore, list.Next = next != "", next
		if err == nil && len(ids) > 0 {
			found := s.db.Model(&deliveryRow{}).Select("id, event_id, last_attempt_id").Where(s.oneOf("id", ids))
			err = s.db.WithContext(ctx).Raw(sizes, found).Scan(&list.Items).Error
		}
		return list, s.translate("search deliveries", err)
	}
	ids := s.db.Model(&deliveryRow{}).Select("id, event_id, last_attempt_id").Where("organization_id = ?", f.OrganizationID)
	if f.EndpointID != "" {
		ids = ids.Where("endpoint_id = ?", f.EndpointID)
	}
	var found []webhook.Sized
	if err := s.db.WithContext(ctx).Raw(sizes, newestFirst(ids, page)).Scan(&found).Error; err != nil {
		return list, s.translate("list the deliveries", err)
	}
	return webhook.NewList(found, page, webhook.Sized.Position), nil
}

// SizeDelivery returns the size of one delivery of the organization.
func (s *Store) SizeDelivery(ctx context.Context, organizationID, id string) (webhook.Sized, error) {
	one := s.db.Model(&deliveryRow{}).Select("id, event_id, last_attempt_id").Where("organization_id = ?", organizationID).Where(s.is("id", id))
	var found webhook.Sized
	if err := s.db.WithContext(ctx).Raw(recordSizes, one).Take(&found).Error; err != nil {
		return webhook.Sized{}, s.translate("find a delivery", notFound(err, "delivery", id))
	}
	return found, nil
}

// ReadDeliveries returns the organization's deliveries that have the IDs, newest first. It leaves out those that have been purged.
func (s *Store) ReadDeliveries(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Record, error) {
		return r.ReadDeliveries(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	return s.readDeliveries(s.records(ctx, organizationID), ids)
}

// ReadDeliveriesWithoutBodies is ReadDeliveries without the data of the events and the bodies of the answers.
func (s *Store) ReadDeliveriesWithoutBodies(ctx context.Context, organizationID string, ids []string) ([]webhook.Record, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) ([]webhook.Record, error) {
		return r.ReadDeliveriesWithoutBodies(ctx, organizationID, ids)
	}); answered {
		return found, err
	}
	query := s.db.WithContext(ctx).Joins("Event", s.db.Omit("Data")).Joins("LastAttempt", s.db.Omit("ResponseBody")).
		Where("deliveries.organization_id = ?", organizationID)
	return s.readDeliveries(query, ids)
}

func (s *Store) readDeliveries(query *gorm.DB, ids []string) ([]webhook.Record, error) {
	var rows []deliveryRow
	err := query.Where(s.oneOf("deliveries.id", ids)).Order("deliveries.id DESC").Find(&rows).Error
	if err != nil {
		return nil, s.translate("read deliveries", err)
	}
	records := make([]webhook.Record, len(rows))
	for i, row := range rows {
		records[i] = row.record()
	}
	return records, nil
}
