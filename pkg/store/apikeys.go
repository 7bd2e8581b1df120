package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

type apiKeyRow struct {
	ID             string `gorm:"primaryKey"`
	OrganizationID string
	Name           string
	Description    string
	Scope          string
	KeyPrefix      string
	KeyHash        []byte
	CreatedBy      string
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
	ExpiresAt      *time.Time
	RevokedAt      *time.Time
	LastUsedAt     *time.Time
}

func (apiKeyRow) TableName() string { return "api_keys" }

func (r apiKeyRow) apiKey() webhook.APIKey {
	return webhook.APIKey{
		ID:             r.ID,
		OrganizationID: r.OrganizationID,
		Name:           r.Name,
		Description:    r.Description,
		Scope:          webhook.Scope(r.Scope),
		KeyPrefix:      r.KeyPrefix,
		KeyHash:        hashOf(r.KeyHash),
		CreatedBy:      r.CreatedBy,
		CreatedAt:      r.CreatedAt.UTC(),
		ExpiresAt:      timeOf(r.ExpiresAt),
		RevokedAt:      timeOf(r.RevokedAt),
		LastUsedAt:     timeOf(r.LastUsedAt),
	}
}

func newAPIKeyRow(key webhook.APIKey) apiKeyRow {
	return apiKeyRow{
		ID:             key.ID,
		OrganizationID: key.OrganizationID,
		Name:           key.Name,
		Description:    key.Description,
		Scope:          string(key.Scope),
		KeyPrefix:      key.KeyPrefix,
		KeyHash:        key.KeyHash[:],
		CreatedBy:      key.CreatedBy,
		CreatedAt:      key.CreatedAt,
		ExpiresAt:      nullable(key.ExpiresAt),
		RevokedAt:      nullable(key.RevokedAt),
		LastUsedAt:     nullable(key.LastUsedAt),
	}
}

// CreateAPIKey inserts a key of an organization or a platform key. It creates the organization if it is missing, and ignores its limits.
// The operator's command line uses it. A deleted organization is refused.
func (s *Store) CreateAPIKey(ctx context.Context, key webhook.APIKey) error {
	row := newAPIKeyRow(key)
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if key.Scope != webhook.ScopePlatform {
			if err := s.ensureOrganization(tx, key.OrganizationID, key.CreatedAt); err != nil {
				return err
			}
		}
		return tx.Create(&row).Error
	})
	return s.translate("create an API key", err)
}

// ListAPIKeys returns the keys of one organization, or of all organizations if organizationID is empty. The operator's command line uses
// it.
func (s *Store) ListAPIKeys(ctx context.Context, organizationID string) ([]webhook.APIKey, error) {
	query := s.db.WithContext(ctx).Order("organization_id, id DESC")
	if organizationID != "" {
		query = query.Where("organization_id = ?", organizationID)
	}
	var rows []apiKeyRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, s.translate("list the API keys", err)
	}
	return apiKeysOf(rows), nil
}

func apiKeysOf(rows []apiKeyRow) []webhook.APIKey {
	keys := make([]webhook.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = row.apiKey()
	}
	return keys
}

// FindAPIKey returns one key of the organization. The key may be revoked or expired.
func (s *Store) FindAPIKey(ctx context.Context, organizationID, id string) (webhook.APIKey, error) {
	var row apiKeyRow
	err := s.db.WithContext(ctx).Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	if err != nil {
		return webhook.APIKey{}, s.translate("find an API key", notFound(err, "API key", id))
	}
	return row.apiKey(), nil
}

// ListAPIKeysOf returns a page of the organization's keys, newest first, including revoked and expired keys.
func (s *Store) ListAPIKeysOf(ctx context.Context, organizationID string, page webhook.Page) (webhook.List[webhook.APIKey], error) {
	var rows []apiKeyRow
	err := newestFirst(s.db.WithContext(ctx).Where("organization_id = ?", organizationID), page).Find(&rows).Error
	if err != nil {
		return webhook.List[webhook.APIKey]{}, s.translate("list an organization's API keys", err)
	}
	return webhook.NewList(apiKeysOf(rows), page, func(k webhook.APIKey) string { return k.ID }), nil
}
