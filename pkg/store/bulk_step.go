package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

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

// StepBulkJob makes the next step of a leased job and ends the lease. The first steps count what the job will handle. Each later one handles
// at most webhook.MaxBulkStep deliveries, and its effect and the progress of the job commit together. The last one finds nothing more, counts
// the outcome and ends the job. A job of a deleted organization ends after it was counted.
//
// It returns nil if the job was cancelled, or if the lease expired and another process has it; the step has no effect then.
func (s *Store) StepBulkJob(ctx context.Context, leased *BulkLease) (*BulkStep, error) {
	step, err := s.stepBulkJob(ctx, leased)
	if errors.Is(err, errLeaseLost) {
		return nil, nil
	}
	return step, s.translate("make a step of a bulk job", err)
}

func (s *Store) stepBulkJob(ctx context.Context, leased *BulkLease) (*BulkStep, error) {
	if leased.row.Counted {
		deleted, err := s.organizationDeleted(ctx, leased.Job.OrganizationID)
		switch {
		case err != nil:
			return nil, err
		case deleted:
			return s.finishStep(ctx, leased, webhook.SkippedOrganizationDeleted)
		}
	}
	source, err := s.keptSource(ctx, leased.Job)
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
	c, err := source.count(ctx, s, counting{after: row.CountedTo, most: mostOf(leased.Job.BulkSpec) - row.Total, budget: countBudget})
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

// handleStep handles the next deliveries, or ends the job if there are none.
func (s *Store) handleStep(ctx context.Context, leased *BulkLease, source bulkSource) (step *BulkStep, err error) {
	tx := s.db.WithContext(ctx)
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	next, err := s.bulkChunk(ctx, leased, source, leased.row.pace().Allowed(now))
	if err != nil {
		return nil, err
	}
	if next.end {
		return s.finishStep(ctx, leased, webhook.SkippedNoLongerMatching)
	}
	err = tx.Transaction(func(tx *gorm.DB) error {
		step, err = s.commitStep(tx, leased, next)
		return err
	})
	if err != nil {
		return nil, err
	}
	return step, nil
}

// commitStep applies the action to a chunk and writes the progress, in one transaction. The row is locked, so that a cancellation of the job
// comes before or after the step.
func (s *Store) commitStep(tx *gorm.DB, leased *BulkLease, c bulkChunk) (*BulkStep, error) {
	row, err := s.lockLeased(tx, leased)
	if err != nil {
		return nil, err
	}
	now, err := s.databaseTime(tx)
	if err != nil {
		return nil, err
	}
	h, err := s.handleBulk(tx, leased.Job, c.ids, now)
	if err != nil {
		return nil, err
	}
	if row.Skipped, err = h.addTo(row.Skipped); err != nil {
		return nil, err
	}
	pace := row.pace().After(int(h.applied), now)
	row.Processed, row.Applied = row.Processed+int64(len(c.ids)), row.Applied+h.applied
	row.Total = max(row.Total, row.Processed)
	row.Tokens, row.PacedAt, row.ProcessedTo = pace.Tokens, now, c.next
	err = s.writeStep(tx, row, map[string]any{
		"total": row.Total, "processed": row.Processed, "applied": row.Applied, "skipped": row.Skipped,
		"processed_to": row.ProcessedTo, "tokens": row.Tokens, "paced_at": row.PacedAt, "due_at": pace.Due(), "leased_until": now,
	})
	if err != nil {
		return nil, err
	}
	job, err := row.job()
	return &BulkStep{Job: job, Applied: h.applied, Skipped: h.skipped, Waiting: h.waiting}, err
}
