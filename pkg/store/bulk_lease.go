package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// BulkLease is the right to make the next step of a bulk job. The job's row has its number: a process that has lost the lease, because it
// expired and another has it now, has another number and cannot commit a step.
type BulkLease struct {
	Job webhook.BulkJob
	row bulkJobRow
}

// errLeaseLost means that a job was cancelled, or that another process has its lease. The step is undone.
var errLeaseLost = errors.New("the lease of the bulk job was lost")

// LeaseBulkJob leases the running job whose next step has been due for longest, for a time by the clock of the database. It returns nil if no
// job is due. Of concurrent calls, one gets the job, and others may get nil.
func (s *Store) LeaseBulkJob(ctx context.Context, lease time.Duration) (*BulkLease, error) {
	leased, err := s.leaseBulkJob(s.db.WithContext(ctx), lease)
	return leased, s.translate("lease a bulk job", err)
}

func (s *Store) leaseBulkJob(tx *gorm.DB, lease time.Duration) (*BulkLease, error) {
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	var due []bulkJobRow
	err = tx.Where("status = 'running' AND due_at <= ? AND leased_until <= ?", now, now).Order("due_at").Limit(1).Find(&due).Error
	if err != nil || len(due) == 0 {
		return nil, err
	}
	row := due[0]
	update := withLease(tx.Model(&bulkJobRow{}), row).
		UpdateColumns(map[string]any{"lease_number": row.LeaseNumber + 1, "leased_until": now.Add(lease)})
	if update.Error != nil || update.RowsAffected == 0 {
		return nil, update.Error
	}
	row.LeaseNumber++
	job, err := row.job()
	return &BulkLease{Job: job, row: row}, err
}

// withLease selects the row of a job if the job is running and the lease is still that of the row.
func withLease(tx *gorm.DB, row bulkJobRow) *gorm.DB {
	return tx.Where("id = ? AND status = 'running' AND lease_number = ?", row.ID, row.LeaseNumber)
}

// ReleaseBulkJob ends a lease after a step that has failed, and has the next step wait.
func (s *Store) ReleaseBulkJob(ctx context.Context, leased *BulkLease, wait time.Duration) error {
	tx := s.db.WithContext(ctx)
	now, err := s.databaseTime(tx)
	if err == nil {
		err = s.writeStep(tx, leased.row, map[string]any{"due_at": now.Add(wait), "leased_until": now})
	}
	if errors.Is(err, errLeaseLost) {
		return nil
	}
	return s.translate("release a bulk job", err)
}

// writeStep writes columns of a running job whose lease the caller has.
func (s *Store) writeStep(tx *gorm.DB, row bulkJobRow, columns map[string]any) error {
	update := withLease(tx.Model(&bulkJobRow{}), row).UpdateColumns(columns)
	if update.Error == nil && update.RowsAffected == 0 {
		return errLeaseLost
	}
	return update.Error
}

// lockLeased locks the row of a leased job until the transaction ends, and returns it. It returns errLeaseLost if the lease was lost.
func (s *Store) lockLeased(tx *gorm.DB, leased *BulkLease) (row bulkJobRow, err error) {
	err = withLease(s.locking(tx, forNoKeyUpdate), leased.row).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, errLeaseLost
	}
	return row, err
}
