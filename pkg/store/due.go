package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Due is a delivery with the status pending or retrying.
type Due struct {
	ID          string
	Status      webhook.Status
	Queue       string
	Lane        webhook.Lane
	NextRetryAt time.Time
	// Orphans is the number of consecutive attempts that are known to have ended without an outcome.
	Orphans int
	// Test is webhook.Delivery.Test.
	Test bool
}

// IsDue reports whether the delivery is due. A pending delivery always is: the clock of its writer may have been ahead.
func (d Due) IsDue(now time.Time) bool {
	return d.Status != webhook.StatusRetrying || !d.NextRetryAt.After(now)
}

// Position returns the delivery's place in its lane.
func (d Due) Position() webhook.Position {
	return webhook.Position{DueAt: d.NextRetryAt, DeliveryID: d.ID}
}

// ListDue returns up to limit deliveries that were due at or before a time, in the order of their due times. It continues after the cursor;
// the zero cursor is the beginning. It leaves out deliveries to endpoints that are paused or deleted, and those of deleted organizations.
// A pending delivery is due no later than it was written, by the database's clock.
func (s *Store) ListDue(ctx context.Context, before time.Time, after Due, limit int) ([]Due, error) {
	query := s.waiting(ctx).Where("next_retry_at <= ?", before).Where(sendable)
	if after.ID != "" {
		query = query.Where("(next_retry_at, id) > (?, ?)", after.NextRetryAt, after.ID)
	}
	var rows []deliveryRow
	if err := query.Order("next_retry_at, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, s.translate("list due deliveries", err)
	}
	return dueOf(rows), nil
}

// FindWaiting returns those of the deliveries that are pending or retrying, in no order. They need not be due.
func (s *Store) FindWaiting(ctx context.Context, ids []string) ([]Due, error) {
	var rows []deliveryRow
	if err := s.waiting(ctx).Where(s.oneOf("id", ids)).Find(&rows).Error; err != nil {
		return nil, s.translate("find waiting deliveries", err)
	}
	return dueOf(rows), nil
}

func (s *Store) waiting(ctx context.Context) *gorm.DB {
	return s.db.WithContext(ctx).Model(&deliveryRow{}).Select("id", "organization_id", "endpoint_id", "priority", "status", "queue", "next_retry_at", "orphan_count", "test").
		Where("status IN ('pending', 'retrying')")
}

func dueOf(rows []deliveryRow) []Due {
	due := make([]Due, len(rows))
	for i, row := range rows {
		due[i] = Due{
			ID: row.ID, Status: webhook.Status(row.Status), Queue: row.Queue, NextRetryAt: timeOf(row.NextRetryAt), Orphans: row.OrphanCount, Test: row.Test,
			Lane: webhook.Lane{OrganizationID: row.OrganizationID, EndpointID: row.EndpointID, Priority: row.Priority},
		}
	}
	return due
}
