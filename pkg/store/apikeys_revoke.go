package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// RevokeAPIKeyOf ends the life of one of the organization's keys and returns it. Revoking one that is revoked already changes
// nothing, and the last valid key that may write is refused with webhook.ErrLastAPIKey: however many ask at once, one such key
// is left.
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

// lockWriters returns the IDs of the organization's valid keys that may write, and keeps others from revoking any of them until
// the transaction ends. All lock in the same order. Whoever has waited for a lock sees the row as it is by then, and one that was
// revoked meanwhile is not among those returned.
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
