package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// CreateBulkJob inserts a job of a checked spec, and returns it. Its creation time is by the clock of the database. An organization with
// webhook.MaxBulkJobs unfinished jobs gets webhook.ErrTooManyJobs. The endpoint of webhook.BulkDeliver must exist; it may be disabled or
// deleted.
func (s *Store) CreateBulkJob(ctx context.Context, spec webhook.BulkSpec) (job webhook.BulkJob, err error) {
	if err := s.checkBulkEndpoint(ctx, spec); err != nil {
		return job, err
	}
	err = s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		err := tx.Transaction(func(tx *gorm.DB) (err error) {
			job, err = s.createBulkJob(tx, spec)
			return err
		})
		return job.ID, nil, err
	})
	return job, s.translate("create a bulk job", err)
}

// createBulkJob reads the clock under the lock of the creations, so that jobs of one organization are created in the order of their times.
func (s *Store) createBulkJob(tx *gorm.DB, spec webhook.BulkSpec) (job webhook.BulkJob, err error) {
	if _, err := s.lockCreation(tx, spec.OrganizationID); err != nil {
		return job, err
	}
	var unfinished int64
	err = tx.Model(&bulkJobRow{}).Where("organization_id = ? AND status = ?", spec.OrganizationID, webhook.BulkRunning).Count(&unfinished).Error
	switch {
	case err != nil:
		return job, err
	case unfinished >= webhook.MaxBulkJobs:
		return job, webhook.ErrTooManyJobs
	}
	now, err := s.databaseTime(tx)
	if err != nil {
		return job, err
	}
	job = webhook.NewBulkJob(spec, now)
	row, err := newBulkJobRow(job)
	if err != nil {
		return job, err
	}
	return job, tx.Create(&row).Error
}

// checkBulkEndpoint returns not_found if the spec names an endpoint that the organization never had.
func (s *Store) checkBulkEndpoint(ctx context.Context, spec webhook.BulkSpec) error {
	if spec.EndpointID == "" {
		return nil
	}
	_, err := s.FindEndpointEver(ctx, spec.OrganizationID, spec.EndpointID)
	return err
}

// ListBulkJobs returns a page of the organization's jobs, newest first. Their outcomes are those that FindBulkJob has counted last.
func (s *Store) ListBulkJobs(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.BulkJob], error) {
	var rows []bulkJobRow
	if err := newestFirst(s.db.WithContext(ctx).Where("organization_id = ?", organizationID), page).Find(&rows).Error; err != nil {
		return webhook.List[webhook.BulkJob]{}, s.translate("list the bulk jobs", err)
	}
	jobs := make([]webhook.BulkJob, len(rows))
	for i, row := range rows {
		var err error
		if jobs[i], err = row.job(); err != nil {
			return webhook.List[webhook.BulkJob]{}, err
		}
	}
	return webhook.NewList(jobs, page, func(j webhook.BulkJob) string { return j.ID }), nil
}

// FindBulkJob returns one job of the organization. It counts the outcome again if the last count is older than webhook.BulkOutcomeFresh.
func (s *Store) FindBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error) {
	tx := s.db.WithContext(ctx)
	row, err := findBulkJob(tx, organizationID, id)
	if err != nil {
		return webhook.BulkJob{}, s.translate("find a bulk job", err)
	}
	counted, err := s.countOutcome(ctx, row)
	if err != nil {
		return webhook.BulkJob{}, s.translate("count the outcome of a bulk job", err)
	}
	if counted {
		if row, err = findBulkJob(tx, organizationID, id); err != nil {
			return webhook.BulkJob{}, s.translate("find a bulk job", err)
		}
	}
	return row.job()
}

func findBulkJob(tx *gorm.DB, organizationID, id string) (row bulkJobRow, err error) {
	err = tx.Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	return row, notFound(err, "bulk job", id)
}

// CancelBulkJob ends a running job of the organization and returns it. No step of the job commits after the call. Deliveries that the job
// has requeued are still sent. A job that is not running gets webhook.ErrJobFinished.
func (s *Store) CancelBulkJob(ctx context.Context, organizationID, id string) (webhook.BulkJob, error) {
	tx := s.db.WithContext(ctx)
	update := tx.Model(&bulkJobRow{}).Where("id = ? AND organization_id = ? AND status = ?", id, organizationID, webhook.BulkRunning).
		UpdateColumns(map[string]any{"status": webhook.BulkCancelled, "finished_at": s.instant()})
	if update.Error != nil {
		return webhook.BulkJob{}, s.translate("cancel a bulk job", update.Error)
	}
	row, err := findBulkJob(tx, organizationID, id)
	switch {
	case err != nil:
		return webhook.BulkJob{}, s.translate("cancel a bulk job", err)
	case update.RowsAffected == 0:
		return webhook.BulkJob{}, webhook.ErrJobFinished
	}
	return row.job()
}

// CountBulkJobs returns how many jobs of all organizations are running.
func (s *Store) CountBulkJobs(ctx context.Context) (count int64, err error) {
	err = s.db.WithContext(ctx).Model(&bulkJobRow{}).Where("status = 'running'").Count(&count).Error
	return count, s.translate("count the bulk jobs", err)
}

// PurgeBulkJobs deletes up to limit jobs that finished before a time. It returns how many it deleted.
func (s *Store) PurgeBulkJobs(ctx context.Context, before time.Time, limit int) (int64, error) {
	old := s.db.Model(&bulkJobRow{}).Select("id").Where("finished_at < ?", before).Order("finished_at").Limit(limit)
	deleted := s.db.WithContext(ctx).Where("id IN (?)", old).Delete(&bulkJobRow{})
	return deleted.RowsAffected, s.translate("purge bulk jobs", deleted.Error)
}
