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

// BulkStep is what one step of a bulk job has done.
type BulkStep struct {
	// Job is the job after the step.
	Job webhook.BulkJob
	// Began is true for the job's first step, and Finished for its last.
	Began, Finished bool
	// Applied and Skipped are the counts of this step.
	Applied int64
	Skipped map[string]int64
	// Waiting are deliveries that the step has requeued or made. They have to be enqueued. A lost one is found by the reconciler.
	Waiting []webhook.Delivery
}

// errLeaseLost means that a job was cancelled, or that another process has its lease. The step is undone.
var errLeaseLost = errors.New("the lease of the bulk job was lost")

// LeaseBulkJob leases the running job whose next step has been due for longest, for a time by the clock of the database. It returns nil if no
// job is due. It leaves out jobs of deleted organizations, which continue if the organization is restored. Of concurrent calls, one gets the
// job, and others may get nil.
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
	err = tx.Where("status = 'running' AND due_at <= ? AND leased_until <= ?", now, now).
		Where("organization_id NOT IN (" + deletedOrganizations + ")").Order("due_at").Limit(1).Find(&due).Error
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

// StepBulkJob makes the next step of a leased job and ends the lease. A job first counts what it will handle, in steps as well. Each later
// step handles at most webhook.MaxBulkStep deliveries. Its effect and the progress of the job commit together. It returns nil if the job was
// cancelled, or if the lease expired and another process has it; the step has no effect then.
func (s *Store) StepBulkJob(ctx context.Context, leased *BulkLease) (*BulkStep, error) {
	step, err := s.stepBulkJob(ctx, leased)
	if errors.Is(err, errLeaseLost) {
		return nil, nil
	}
	return step, s.translate("make a step of a bulk job", err)
}

func (s *Store) stepBulkJob(ctx context.Context, leased *BulkLease) (*BulkStep, error) {
	source, err := s.bulkSource(ctx, leased.Job)
	if err != nil {
		return nil, err
	}
	if !leased.row.Counted {
		return s.countStep(ctx, leased, source)
	}
	return s.handleStep(ctx, leased, source)
}

// countBudget is how long one step counts.
const countBudget = time.Second

// countStep counts on.
func (s *Store) countStep(ctx context.Context, leased *BulkLease, source bulkSource) (*BulkStep, error) {
	row := leased.row
	began := row.StartedAt == nil
	c, err := source.count(ctx, s, row.CountedTo, mostOf(leased.Job.BulkSpec)-row.Total, countBudget)
	if err != nil {
		return nil, err
	}
	tx := s.db.WithContext(ctx)
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	row.Total, row.Counted, row.CountedTo = row.Total+c.rows, c.done, c.next
	columns := map[string]any{
		"total": row.Total, "counted": row.Counted, "counted_to": row.CountedTo,
		"due_at": now, "leased_until": now, "paced_at": now,
	}
	if began {
		row.StartedAt = &now
		columns["started_at"] = now
	}
	if err := s.writeStep(tx, row, columns); err != nil {
		return nil, err
	}
	job, err := row.job()
	return &BulkStep{Job: job, Began: began}, err
}

// handleStep handles the next deliveries.
func (s *Store) handleStep(ctx context.Context, leased *BulkLease, source bulkSource) (step *BulkStep, err error) {
	tx := s.db.WithContext(ctx)
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	limit := leased.row.pace().Allowed(now)
	if rest := mostOf(leased.Job.BulkSpec) - leased.row.Processed; int64(limit) > rest {
		limit = int(rest)
	}
	var ids []string
	next := leased.row.ProcessedTo
	if limit > 0 {
		if ids, next, err = source.page(ctx, s, leased.row.ProcessedTo, limit); err != nil {
			return nil, err
		}
	}
	finished := next == "" && limit > 0 || leased.row.Processed+int64(len(ids)) >= mostOf(leased.Job.BulkSpec)
	err = tx.Transaction(func(tx *gorm.DB) error {
		step, err = s.commitStep(tx, leased, ids, next, finished)
		return err
	})
	if err != nil {
		return nil, err
	}
	return step, nil
}

// commitStep applies the action to the deliveries or events and writes the progress, in one transaction. The row is locked, so that a
// cancellation of the job comes before or after the step.
func (s *Store) commitStep(tx *gorm.DB, leased *BulkLease, ids []string, next string, finished bool) (*BulkStep, error) {
	var row bulkJobRow
	err := withLease(s.locking(tx, forNoKeyUpdate), leased.row).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, errLeaseLost
	}
	if err != nil {
		return nil, err
	}
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	handled, err := s.handleBulk(tx, leased.Job, ids, now)
	if err != nil {
		return nil, err
	}
	return s.recordStep(tx, row, handled, int64(len(ids)), next, finished, now)
}

// recordStep writes the progress of a step in its transaction.
func (s *Store) recordStep(tx *gorm.DB, row bulkJobRow, h handled, processed int64, next string, finished bool, now time.Time) (*BulkStep, error) {
	skipped, err := decodeColumn[map[string]int64](row.Skipped)
	if err != nil {
		return nil, err
	}
	step := &BulkStep{Applied: h.applied, Skipped: h.skipped, Waiting: h.waiting, Finished: finished}
	row.Processed, row.Applied = row.Processed+processed, row.Applied+h.applied
	row.Total = max(row.Total, row.Processed)
	pace := row.pace().After(int(h.applied), now)
	row.Tokens, row.PacedAt, row.ProcessedTo = pace.Tokens, now, next
	if finished {
		h.skip(webhook.SkippedNoLongerMatching, row.Total-row.Processed)
		row.Processed = row.Total
		row.Status, row.FinishedAt = string(webhook.BulkCompleted), &now
	}
	for reason, count := range h.skipped {
		skipped[reason] += count
	}
	if row.Skipped, err = encodeColumn(skipped); err != nil {
		return nil, err
	}
	err = s.writeStep(tx, row, map[string]any{
		"status": row.Status, "total": row.Total, "processed": row.Processed, "applied": row.Applied, "skipped": row.Skipped,
		"processed_to": row.ProcessedTo, "tokens": row.Tokens, "paced_at": row.PacedAt, "finished_at": row.FinishedAt,
		"due_at": pace.Due(), "leased_until": now,
	})
	if err != nil {
		return nil, err
	}
	step.Job, err = row.job()
	return step, err
}

// writeStep writes columns of a running job whose lease the caller has.
func (s *Store) writeStep(tx *gorm.DB, row bulkJobRow, columns map[string]any) error {
	update := withLease(tx.Model(&bulkJobRow{}), row).UpdateColumns(columns)
	if update.Error == nil && update.RowsAffected == 0 {
		return errLeaseLost
	}
	return update.Error
}
