package store

import (
	"context"

	"redrive/pkg/webhook"
)

// mostRunningJobs bounds the bulk jobs that ListRunningJobs chooses from. An organization has at most webhook.MaxBulkJobs.
const mostRunningJobs = 10_000

// ListRunningJobs returns up to limit running bulk jobs of all organizations, the latest first, and reports whether there are more. Their
// outcomes are those that FindBulkJob has counted last.
func (s *Store) ListRunningJobs(ctx context.Context, limit int) (jobs []webhook.BulkJob, more bool, err error) {
	running := s.db.Model(&bulkJobRow{}).Where("status = 'running'").Order("due_at").Limit(mostRunningJobs)
	var rows []bulkJobRow
	if err := s.db.WithContext(ctx).Table("(?) AS running", running).Order("id DESC").Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, false, s.translate("list running bulk jobs", err)
	}
	for _, row := range rows[:min(limit, len(rows))] {
		job, err := row.job()
		if err != nil {
			return nil, false, err
		}
		jobs = append(jobs, job)
	}
	return jobs, len(rows) > limit, nil
}

// FindEndpointNames returns the names of endpoints of any organization by ID, deleted ones included. Those that do not exist are missing.
func (s *Store) FindEndpointNames(ctx context.Context, ids []string) (map[string]webhook.EndpointName, error) {
	var rows []endpointRow
	err := s.db.WithContext(ctx).Select("id", "organization_id", "name").Where(s.oneOf("id", ids)).Find(&rows).Error
	names := make(map[string]webhook.EndpointName, len(rows))
	for _, row := range rows {
		names[row.ID] = webhook.EndpointName{ID: row.ID, OrganizationID: row.OrganizationID, Name: row.Name}
	}
	return names, s.translate("find the names of endpoints", err)
}
