package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// LoadDispatch returns all that an attempt of the delivery needs. It is the dispatcher's and therefore of no organization.
func (s *Store) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	dispatches, errs := s.LoadDispatches(ctx, []string{id})
	return dispatches[0], errs[0]
}

// RecordOutcome writes an attempt and the delivery's new state in one transaction, fenced by the revision that the outcome
// was decided on. If the delivery has moved on meanwhile, the attempt goes on record as superseded and nothing else
// changes. It returns the delivery as it is now. Recording one outcome twice, after a commit whose answer was lost, is
// harmless.
func (s *Store) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	attempt, err := newAttemptRow(o.Attempt)
	if err != nil {
		return webhook.Delivery{}, err
	}
	var now webhook.Delivery
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		row, moved, err := moveDelivery(tx, o.Delivery, gorm.Expr("attempt_count + 1"))
		attempt.Number = row.AttemptCount
		if err == nil && !moved {
			row, err = supersede(tx, &attempt)
		}
		if err != nil {
			return err
		}
		now = row.delivery()
		if attempt.Number == 0 {
			return nil // recorded before
		}
		if err := tx.Create(&attempt).Error; err != nil {
			return err
		}
		if moved && o.DisableEndpoint {
			return setEndpointStatus(tx, o.Delivery.EndpointID, webhook.EndpointDisabled, o.Delivery.UpdatedAt,
				"organization_id = ? AND updated_at = ?", o.Delivery.OrganizationID, o.EndpointUpdatedAt)
		}
		return nil
	})
	return now, s.translate("record an attempt", err)
}

// FailDelivery writes the end of a delivery that was decided without an attempt, fenced like an outcome, and returns the
// delivery as it is now.
func (s *Store) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	tx := s.db.WithContext(ctx)
	row, moved, err := moveDelivery(tx, failed, gorm.Expr("attempt_count"))
	if err == nil && !moved {
		err = notFound(tx.Where("id = ?", failed.ID).Take(&row).Error, "delivery", failed.ID)
	}
	return row.delivery(), s.translate("fail a delivery", err)
}

// CountOrphan notes that an attempt of the delivery ended without an outcome, and returns the delivery as it is now. It is no
// change of state: the attempt's own outcome, should it come after all, still counts. A delivery that has ended is left as it
// is.
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

// moveDelivery writes a delivery's new state if its revision is still the one before.
func moveDelivery(tx *gorm.DB, d webhook.Delivery, attemptCount clause.Expr) (row deliveryRow, moved bool, err error) {
	update := tx.Model(&row).Clauses(returning(&row)).
		Where("id = ? AND revision = ?", d.ID, d.Revision-1).
		UpdateColumns(map[string]any{
			"status":          d.Status,
			"retry_count":     d.RetryCount,
			"next_retry_at":   nullable(d.NextRetryAt),
			"failure_reason":  d.FailureReason,
			"orphan_count":    d.OrphanCount,
			"last_attempt_id": d.LastAttemptID,
			"attempt_count":   attemptCount,
			"revision":        d.Revision,
			"updated_at":      d.UpdatedAt,
		})
	return row, update.RowsAffected == 1, update.Error
}

// supersede numbers an attempt that decided nothing and returns the delivery as it is. The number stays 0 if the attempt is
// on record already.
func supersede(tx *gorm.DB, attempt *attemptRow) (deliveryRow, error) {
	var row deliveryRow
	var recorded int64
	if err := tx.Model(&attemptRow{}).Where("id = ?", attempt.ID).Count(&recorded).Error; err != nil {
		return row, err
	}
	if recorded > 0 {
		return row, notFound(tx.Where("id = ?", attempt.DeliveryID).Take(&row).Error, "delivery", attempt.DeliveryID)
	}
	update := tx.Model(&row).Clauses(returning(&row)).Where("id = ?", attempt.DeliveryID).
		UpdateColumn("attempt_count", gorm.Expr("attempt_count + 1"))
	if update.Error == nil && update.RowsAffected == 0 {
		return row, webhook.NotFound("delivery", attempt.DeliveryID)
	}
	attempt.Number = row.AttemptCount
	attempt.Outcome = string(webhook.AttemptSuperseded)
	attempt.NextRetryAt = nil
	return row, update.Error
}

// Due is a delivery that waits for an attempt.
type Due struct {
	ID          string
	Status      webhook.Status
	Queue       string
	NextRetryAt time.Time
	// Orphans is how many attempts in a row ended without an outcome, as far as they were found.
	Orphans int
}

// ListDue returns up to limit deliveries that were due at or before a time, the longest due first, that come after the
// cursor; the zero cursor begins at the beginning. A pending one is due no later than it was written, by the database's clock.
func (s *Store) ListDue(ctx context.Context, before time.Time, after Due, limit int) ([]Due, error) {
	query := s.waiting(ctx).Where("next_retry_at <= ?", before)
	if after.ID != "" {
		query = query.Where("(next_retry_at, id) > (?, ?)", after.NextRetryAt, after.ID)
	}
	var rows []deliveryRow
	if err := query.Order("next_retry_at, id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, s.translate("list what is due", err)
	}
	return dueOf(rows), nil
}

// FindWaiting returns those of the deliveries that wait for an attempt, due or not, in no order.
func (s *Store) FindWaiting(ctx context.Context, ids []string) ([]Due, error) {
	var rows []deliveryRow
	if err := s.waiting(ctx).Where(s.oneOf("id", ids)).Find(&rows).Error; err != nil {
		return nil, s.translate("find deliveries that wait", err)
	}
	return dueOf(rows), nil
}

func (s *Store) waiting(ctx context.Context) *gorm.DB {
	return s.db.WithContext(ctx).Model(&deliveryRow{}).Select("id", "status", "queue", "next_retry_at", "orphan_count").
		Where("status IN ('pending', 'retrying')")
}

func dueOf(rows []deliveryRow) []Due {
	due := make([]Due, len(rows))
	for i, row := range rows {
		due[i] = Due{ID: row.ID, Status: webhook.Status(row.Status), Queue: row.Queue, NextRetryAt: timeOf(row.NextRetryAt), Orphans: row.OrphanCount}
	}
	return due
}
