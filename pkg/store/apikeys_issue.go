package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// IssueAPIKey inserts a key that was created by another key. It returns webhook.ErrCreatorRevoked if that key was revoked meanwhile, and an
// error with the reason api_key_limit if the organization has as many valid keys as its limit.
func (s *Store) IssueAPIKey(ctx context.Context, key webhook.APIKey) error {
	row := newAPIKeyRow(key)
	err := s.recording(ctx, func(tx *gorm.DB) (string, any, error) {
		return key.ID, key, tx.Transaction(func(tx *gorm.DB) error {
			if err := s.admitAPIKey(tx, key.OrganizationID, key.CreatedAt); err != nil {
				return err
			}
			if err := s.checkCreator(tx, key.CreatedBy); err != nil {
				return err
			}
			return tx.Create(&row).Error
		})
	})
	return s.translate("issue an API key", err)
}

// checkCreator locks the key that creates another one, so that a revocation with descendants waits for the new key and revokes it too. A
// creator that is not a key is accepted.
func (s *Store) checkCreator(tx *gorm.DB, id string) error {
	var creator apiKeyRow
	err := s.locking(tx, forShare).Where("id = ?", id).Take(&creator).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil
	case err == nil && creator.RevokedAt != nil:
		return webhook.ErrCreatorRevoked
	}
	return err
}

// validKeys restricts a query to keys that are neither revoked nor expired.
func validKeys(query *gorm.DB, now time.Time) *gorm.DB {
	return query.Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", now)
}
