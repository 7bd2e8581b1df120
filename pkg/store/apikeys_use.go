package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// RecordKeyUses notes when keys were last used. A time that is not at least the interval behind the one on record is left out, so
// that the row of a key is written once an interval however many processes see the key; nor does any go backwards.
func (s *Store) RecordKeyUses(ctx context.Context, uses []webhook.APIKeyUse, interval time.Duration) error {
	// In the order in which everybody locks keys, so that two processes do not wait for each other.
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
