package store

import (
	"cmp"
	"context"
	"time"

	"redrive/pkg/webhook"
)

// addToLoads adds names, failed deliveries and failing endpoints.
func (s *Store) addToLoads(ctx context.Context, now time.Time, loads []webhook.OrganizationLoad) error {
	if len(loads) == 0 {
		return nil
	}
	ids := make([]string, len(loads))
	for i, l := range loads {
		ids[i] = l.ID
	}
	names, err := s.FindOrganizationNames(ctx, ids)
	if err != nil {
		return err
	}
	failed, err := s.sumFailed(ctx, webhook.HourOf(now)-1, ids)
	if err != nil {
		return s.translate("count failed deliveries by organization", err)
	}
	failing, err := s.countFailingOf(ctx, ids)
	if err != nil {
		return s.translate("count failing endpoints by organization", err)
	}
	for i := range loads {
		l := &loads[i]
		l.Name = cmp.Or(names[l.ID], l.ID)
		l.FailedLastHour, l.FailingEndpoints = failed[l.ID], int(failing[l.ID])
	}
	return nil
}

// FindOrganizationNames returns the names of organizations by ID. Those without a row are missing.
func (s *Store) FindOrganizationNames(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []organizationRow
	err := s.db.WithContext(ctx).Select("id", "name").Where(s.oneOf("id", ids)).Find(&rows).Error
	names := make(map[string]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, s.translate("find the names of organizations", err)
}

// byOrganization is a number of an organization.
type byOrganization struct {
	OrganizationID string
	N              int64
}

func numbersOf(rows []byOrganization) map[string]int64 {
	numbers := make(map[string]int64, len(rows))
	for _, row := range rows {
		numbers[row.OrganizationID] = row.N
	}
	return numbers
}

// sumFailed returns how many deliveries of organizations failed from an hour on, as the statistics have it.
func (s *Store) sumFailed(ctx context.Context, from webhook.Hour, ids []string) (map[string]int64, error) {
	var rows []byOrganization
	err := s.db.WithContext(ctx).Table("statistics_hours").Select("organization_id, sum(failed) AS n").
		Where(s.oneOf("organization_id", ids)).Where("endpoint_id = '' AND event_type = '' AND period >= ?", int64(from)).
		Group("organization_id").Find(&rows).Error
	return numbersOf(rows), err
}

// countFailingOf is countFailing for several organizations.
func (s *Store) countFailingOf(ctx context.Context, ids []string) (map[string]int64, error) {
	var rows []byOrganization
	err := s.db.WithContext(ctx).Table("endpoint_health AS h").Select("h.organization_id, count(*) AS n").
		Joins("JOIN endpoints e ON e.id = h.endpoint_id AND e.deleted_at IS NULL").
		Where(s.oneOf("h.organization_id", ids)).Where("h.failing_since IS NOT NULL").
		Group("h.organization_id").Find(&rows).Error
	return numbersOf(rows), err
}
