package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

var onConflictNothing = clause.OnConflict{DoNothing: true}

// lockCreation serialises the transactions that create endpoints or API keys of one organization, so that they see each other's rows when
// they compare their number with a limit. It returns the organization. An organization without a row has the default limits.
//
// The lock is one of the transaction and works through a pooler. It is not the organization's row, because there may be none.
func (s *Store) lockCreation(tx *gorm.DB, organizationID string) (webhook.Organization, error) {
	if s.dialect.RowLocks {
		// The class tells this lock from others. Two organizations with one hash only wait for each other.
		if err := tx.Exec("SELECT pg_advisory_xact_lock(?, hashtext(?))", creationLocks, organizationID).Error; err != nil {
			return webhook.Organization{}, err
		}
	}
	var row organizationRow
	err := tx.Where("id = ?", organizationID).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return webhook.DefaultOrganization(organizationID), nil
	case err != nil:
		return webhook.Organization{}, err
	}
	return row.organization(), nil
}

// creationLocks is the class of the advisory locks of lockCreation.
const creationLocks = 0x0c4ea7e

// admitEndpoint locks the organization's creations and refuses another endpoint if there are as many as the limit.
func (s *Store) admitEndpoint(tx *gorm.DB, organizationID string) error {
	organization, err := s.lockCreation(tx, organizationID)
	if err != nil || organization.Limits.MaxEndpoints == 0 {
		return err
	}
	count, err := countEndpoints(tx, organizationID)
	if err == nil && count >= int64(organization.Limits.MaxEndpoints) {
		return webhook.EndpointLimit(organization.Limits.MaxEndpoints)
	}
	return err
}

// admitAPIKey is admitEndpoint for an API key.
func (s *Store) admitAPIKey(tx *gorm.DB, organizationID string, now time.Time) error {
	organization, err := s.lockCreation(tx, organizationID)
	if err != nil || organization.Limits.MaxAPIKeys == 0 {
		return err
	}
	count, err := countAPIKeys(tx, organizationID, now)
	if err == nil && count >= int64(organization.Limits.MaxAPIKeys) {
		return webhook.APIKeyLimit(organization.Limits.MaxAPIKeys)
	}
	return err
}

func countEndpoints(tx *gorm.DB, organizationID string) (count int64, err error) {
	return count, tx.Model(&endpointRow{}).Where("organization_id = ? AND deleted_at IS NULL", organizationID).Count(&count).Error
}

func countAPIKeys(tx *gorm.DB, organizationID string, now time.Time) (count int64, err error) {
	return count, validKeys(tx.Model(&apiKeyRow{}), now).Where("organization_id = ?", organizationID).Count(&count).Error
}

// FindUsage returns what an organization has.
func (s *Store) FindUsage(ctx context.Context, organizationID string, now time.Time) (webhook.OrganizationUsage, error) {
	tx := s.db.WithContext(ctx)
	endpoints, err := countEndpoints(tx, organizationID)
	if err != nil {
		return webhook.OrganizationUsage{}, s.translate("count an organization's endpoints", err)
	}
	keys, err := countAPIKeys(tx, organizationID, now)
	if err != nil {
		return webhook.OrganizationUsage{}, s.translate("count an organization's API keys", err)
	}
	failing, err := s.countFailing(ctx, organizationID)
	if err != nil {
		return webhook.OrganizationUsage{}, err
	}
	waiting, err := s.CountWaitingOf(ctx, organizationID, webhook.MaxCountedWaiting)
	return webhook.OrganizationUsage{Endpoints: int(endpoints), FailingEndpoints: int(failing), APIKeys: int(keys), Waiting: waiting}, err
}

// CountWaitingOf counts an organization's deliveries in pending or retrying, up to a limit. It reads only the index of the lanes, and no more
// of it than the limit.
func (s *Store) CountWaitingOf(ctx context.Context, organizationID string, limit int) (count int, err error) {
	query := countWaitingOfSQL
	if s.dialect.Postgres {
		query = countWaitingOfPostgresSQL
	}
	err = s.db.WithContext(ctx).Raw(query, organizationID, limit).Scan(&count).Error
	return count, s.translate("count an organization's waiting deliveries", err)
}

const (
	countWaitingOfSQL = `SELECT count(*) FROM (
	SELECT 1 FROM endpoints e JOIN deliveries d ON d.endpoint_id = e.id
	WHERE e.organization_id = ? AND d.status IN ('pending', 'retrying') LIMIT ?
) AS counted`

	// The collation is the index's. OFFSET 0 keeps the planner from joining the tables in another order.
	countWaitingOfPostgresSQL = `SELECT count(*) FROM (
	SELECT 1 FROM (SELECT id COLLATE "default" AS id FROM endpoints WHERE organization_id = ? OFFSET 0) AS e
	CROSS JOIN LATERAL (SELECT 1 FROM deliveries WHERE endpoint_id = e.id AND status IN ('pending', 'retrying')) AS d LIMIT ?
) AS counted`
)
