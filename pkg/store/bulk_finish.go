package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// finishStep ends a job. What was counted and not handled is skipped for the reason. The outcome is counted before, outside of the
// transaction. The end has the time at which that count began, so that a job that has completed never shows an older outcome.
func (s *Store) finishStep(ctx context.Context, leased *BulkLease, reason string) (step *BulkStep, err error) {
	now, err := s.databaseTime(s.db.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	counted := leased.row
	if _, err := s.readOutcome(ctx, &counted, now); err != nil {
		return nil, err
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		row, err := s.lockLeased(tx, leased)
		if err != nil {
			return err
		}
		h := newHandled()
		h.skip(reason, row.Total-row.Processed)
		if row.Skipped, err = h.addTo(row.Skipped); err != nil {
			return err
		}
		columns := outcomeColumns(counted)
		columns["status"], columns["finished_at"], columns["leased_until"] = webhook.BulkCompleted, now, now
		columns["processed"], columns["skipped"] = row.Total, row.Skipped
		if err := s.writeStep(tx, row, columns); err != nil {
			return err
		}
		if err := tx.Where("id = ?", row.ID).Take(&row).Error; err != nil {
			return err
		}
		job, err := row.job()
		step = &BulkStep{Job: job, Finished: true, Skipped: h.skipped}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.sources.forget(leased.Job.ID)
	return step, nil
}

// organizationDeleted reports whether an organization was deleted.
func (s *Store) organizationDeleted(ctx context.Context, id string) (bool, error) {
	var found []string
	err := s.db.WithContext(ctx).Raw(deletedOrganizations+" AND o.id = ?", id).Scan(&found).Error
	return len(found) > 0, err
}
