package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// RecordKeyUses writes when keys were last used. It skips a use that is not at least the interval after the stored one. A key's row is
// therefore written once in an interval, however many processes see the key, and the time never goes back.
func (s *Store) RecordKeyUses(ctx context.Context, uses []webhook.APIKeyUse, interval time.Duration) error {
	// All transactions lock keys in the order of their IDs, so that two of them cannot deadlock.
	uses = slices.SortedFunc(slices.Values(uses), func(a, b webhook.APIKeyUse) int { return strings.Compare(a.ID, b.ID) })
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		for _, use := range uses {
			err := tx.Model(&apiKeyRow{}).
				Where("id = ? AND (last_used_at IS NULL OR last_used_at <= ?)", use.ID, use.At.Add(-interval)).
				UpdateColumn("last_used_at", use.At).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	return s.translate("record the use of API keys", err)
}
