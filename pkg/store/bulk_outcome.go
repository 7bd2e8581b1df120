package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// outcomeTimeout bounds a count of an outcome. A million deliveries take PostgreSQL some 300 ms.
const outcomeTimeout = 3 * time.Second

// countOutcome counts the outcome of a job if the last count began webhook.BulkOutcomeFresh ago, or before the job ended. It reports whether
// it did. Of concurrent calls, one counts.
func (s *Store) countOutcome(ctx context.Context, row bulkJobRow) (bool, error) {
	tx := s.db.WithContext(ctx)
	now, err := s.databaseTime(tx)
	if err != nil {
		return false, err
	}
	old, ended := now.Add(-webhook.BulkOutcomeFresh), timeOf(row.FinishedAt)
	if row.OutcomeTriedAt != nil && row.OutcomeTriedAt.After(old) && !row.OutcomeTriedAt.Before(ended) {
		return false, nil
	}
	claim := tx.Model(&bulkJobRow{}).Where("id = ? AND (outcome_tried_at IS NULL OR outcome_tried_at <= ? OR outcome_tried_at < ?)", row.ID, old, ended).
		UpdateColumn("outcome_tried_at", now)
	if claim.Error != nil || claim.RowsAffected == 0 {
		return false, claim.Error
	}
	counted, err := s.readOutcome(ctx, &row, now)
	if err != nil || !counted {
		return false, err
	}
	return true, tx.Model(&bulkJobRow{}).Where("id = ?", row.ID).UpdateColumns(outcomeColumns(row)).Error
}

// readOutcome counts the outcome of a job into its row. now is when the count began. It reports false, and changes nothing, if the count
// takes too long.
func (s *Store) readOutcome(ctx context.Context, row *bulkJobRow, now time.Time) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, outcomeTimeout)
	defer cancel()
	var counts []struct {
		Status     string
		Deliveries int64
	}
	err := s.db.WithContext(limited).Raw(`SELECT status, count(*) AS deliveries FROM deliveries
WHERE organization_id = ? AND bulk_job_id = ? AND bulk_job_id <> '' GROUP BY status`, row.OrganizationID, row.ID).Scan(&counts).Error
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return false, nil
	}
	row.OutcomeSuccess, row.OutcomeFailure, row.OutcomeWaiting, row.OutcomeAt, row.OutcomeTriedAt = 0, 0, 0, &now, &now
	for _, c := range counts {
		switch webhook.Status(c.Status) {
		case webhook.StatusSuccess:
			row.OutcomeSuccess = c.Deliveries
		case webhook.StatusFailure:
			row.OutcomeFailure = c.Deliveries
		case webhook.StatusPending, webhook.StatusRetrying:
			row.OutcomeWaiting += c.Deliveries
		}
	}
	return err == nil, err
}

// outcomeColumns returns the columns of a row that have its outcome.
func outcomeColumns(row bulkJobRow) map[string]any {
	return map[string]any{
		"outcome_success": row.OutcomeSuccess, "outcome_failure": row.OutcomeFailure, "outcome_waiting": row.OutcomeWaiting,
		"outcome_at": row.OutcomeAt, "outcome_tried_at": row.OutcomeTriedAt,
	}
}
