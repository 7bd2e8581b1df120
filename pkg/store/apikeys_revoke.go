package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// RevokeAPIKeyOf revokes one of the organization's keys and returns it. A key that is revoked already is not changed. The organization's
// last valid key with the scope read-write is refused with webhook.ErrLastAPIKey. Concurrent calls leave one such key too.
func (s *Store) RevokeAPIKeyOf(ctx context.Context, organizationID, id string, now time.Time) (webhook.APIKey, error) {
	var row apiKeyRow
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		writers, err := s.lockWriters(tx, organizationID, now)
		if err != nil {
			return err
		}
		if len(writers) == 1 && writers[0] == id {
			return webhook.ErrLastAPIKey
		}
		update := tx.Model(&row).Clauses(returning(&row)).Where("id = ? AND organization_id = ?", id, organizationID).
			UpdateColumn("revoked_at", gorm.Expr("COALESCE(revoked_at, ?)", now))
		if update.Error == nil && update.RowsAffected == 0 {
			return webhook.NotFound("API key", id)
		}
		return update.Error
	})
	if err != nil {
		return webhook.APIKey{}, s.translate("revoke an organization's API key", err)
	}
	return row.apiKey(), nil
}

// lockWriters locks the organization's valid keys with the scope read-write until the transaction ends, and returns their IDs. All
// transactions lock in the order of the IDs. PostgreSQL re-evaluates the condition after it has waited for a lock, so that a key that was
// revoked meanwhile is not returned.
func (s *Store) lockWriters(tx *gorm.DB, organizationID string, now time.Time) ([]string, error) {
	if s.dialect.RowLocks {
		tx = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	var ids []string
	err := tx.Model(&apiKeyRow{}).
		Where("organization_id = ? AND scope = ?", organizationID, webhook.ScopeReadWrite).
		Where("revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", now).
		Order("id").Pluck("id", &ids).Error
	return ids, err
}
