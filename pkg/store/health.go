package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// healthRow is the health of an endpoint. Its lock is taken last: after the endpoint's row, then the rows of deliveries. Statements that
// write several of these rows write them in the order of the endpoints' IDs.
type healthRow struct {
	OrganizationID      string `gorm:"primaryKey"`
	EndpointID          string `gorm:"primaryKey"`
	LastSuccessAt       *time.Time
	ConsecutiveFailures int64
	FailingSince        *time.Time
	LastFailureAt       *time.Time
	LastError           string
	AnnouncedSince      *time.Time
	ExhaustedAt         *time.Time
	ExhaustedSince      *time.Time
	ExhaustedCount      int64
}

func (healthRow) TableName() string { return "endpoint_health" }

func (r healthRow) health() webhook.Health {
	return webhook.Health{
		LastSuccessAt: timeOf(r.LastSuccessAt), ConsecutiveFailures: r.ConsecutiveFailures, FailingSince: timeOf(r.FailingSince),
		LastFailureAt: timeOf(r.LastFailureAt), LastError: r.LastError,
	}
}

func (r healthRow) notices() webhook.Notices {
	return webhook.Notices{
		AnnouncedSince: timeOf(r.AnnouncedSince), ExhaustedAt: timeOf(r.ExhaustedAt), ExhaustedSince: timeOf(r.ExhaustedSince),
		ExhaustedCount: r.ExhaustedCount,
	}
}

// noting returns the row with other notices.
func (r healthRow) noting(n webhook.Notices) healthRow {
	r.AnnouncedSince, r.ExhaustedAt = nullable(n.AnnouncedSince), nullable(n.ExhaustedAt)
	r.ExhaustedSince, r.ExhaustedCount = nullable(n.ExhaustedSince), n.ExhaustedCount
	return r
}

// with returns the row with another health.
func (r healthRow) with(h webhook.Health) healthRow {
	r.LastSuccessAt, r.ConsecutiveFailures, r.FailingSince = nullable(h.LastSuccessAt), h.ConsecutiveFailures, nullable(h.FailingSince)
	r.LastFailureAt, r.LastError = nullable(h.LastFailureAt), h.LastError
	return r
}

// findHealth returns the health of an endpoint. The row is empty if there is none.
func findHealth(tx *gorm.DB, organizationID, endpointID string) (row healthRow, err error) {
	err = tx.Where("organization_id = ? AND endpoint_id = ?", organizationID, endpointID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return healthRow{OrganizationID: organizationID, EndpointID: endpointID}, nil
	}
	return row, err
}

// noteOne writes how an attempt has ended to the health of its endpoint, in SQLite.
func noteOne(tx *gorm.DB, m move) error {
	if m.counted == webhook.CountedNot && !m.outcome.Exhausted() {
		return nil
	}
	before := m.health.health()
	after := before.After(m.outcome)
	if m.counted == webhook.CountedSuccess && before.ConsecutiveFailures == 0 && after.LastSuccessAt.Before(before.LastSuccessAt.Add(webhook.SuccessNoted)) {
		return nil
	}
	row := m.health.with(after).noting(m.health.notices().After(m.outcome))
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
}

// resetHealth forgets the failures of an endpoint. tx is the transaction of the change that makes them old.
func resetHealth(tx *gorm.DB, endpoint webhook.Endpoint) error {
	none := healthRow{}.with(webhook.Health{})
	return tx.Model(&healthRow{}).Where("organization_id = ? AND endpoint_id = ?", endpoint.OrganizationID, endpoint.ID).
		UpdateColumns(map[string]any{
			"consecutive_failures": none.ConsecutiveFailures, "failing_since": none.FailingSince, "last_failure_at": none.LastFailureAt,
			"last_error": none.LastError, "announced_since": none.AnnouncedSince,
		}).Error
}

// addHealth reads the health of endpoints of one organization into them.
func (s *Store) addHealth(tx *gorm.DB, organizationID string, endpoints ...*webhook.Endpoint) error {
	if len(endpoints) == 0 {
		return nil
	}
	ids := make([]string, len(endpoints))
	for i, e := range endpoints {
		ids[i] = e.ID
	}
	var rows []healthRow
	if err := tx.Where("organization_id = ?", organizationID).Where(s.oneOf("endpoint_id", ids)).Find(&rows).Error; err != nil {
		return err
	}
	found := make(map[string]healthRow, len(rows))
	for _, row := range rows {
		found[row.EndpointID] = row
	}
	for _, e := range endpoints {
		e.Health = found[e.ID].health()
	}
	return nil
}

// failingEndpoint is the condition that the endpoint has failed since its last success. The outer query names the table endpoints.
const failingEndpoint = `EXISTS (SELECT 1 FROM endpoint_health h WHERE h.organization_id = endpoints.organization_id
	AND h.endpoint_id = endpoints.id AND h.failing_since IS NOT NULL)`

// failingOrganization is the condition that an endpoint of the organization is failing. The outer query names the table organizations.
const failingOrganization = `EXISTS (SELECT 1 FROM endpoint_health h JOIN endpoints e ON e.id = h.endpoint_id
	WHERE h.organization_id = organizations.id AND h.failing_since IS NOT NULL AND e.deleted_at IS NULL)`

// countFailing counts the endpoints of an organization that have failed since their last success and are not deleted.
func (s *Store) countFailing(ctx context.Context, organizationID string) (count int64, err error) {
	err = s.db.WithContext(ctx).Model(&endpointRow{}).Where("organization_id = ? AND deleted_at IS NULL AND "+failingEndpoint, organizationID).
		Count(&count).Error
	return count, s.translate("count an organization's failing endpoints", err)
}
