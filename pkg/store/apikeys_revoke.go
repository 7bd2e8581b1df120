package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Revocation says what RevokeAPIKeyOf revokes.
type Revocation struct {
	// Descendants revokes the keys too that were created by the key, directly or through others.
	Descendants bool
	// Last allows to revoke the organization's last valid key with the scope read-write.
	Last bool
}

// RevokeAPIKeyOf revokes one of the organization's keys and returns it. A key that is revoked already is not changed. Unless r allows it,
// a revocation that leaves the organization without a valid key with the scope read-write is refused with webhook.ErrLastAPIKey, and
// nothing is revoked. Concurrent calls leave one such key too.
func (s *Store) RevokeAPIKeyOf(ctx context.Context, organizationID, id string, r Revocation, now time.Time) (webhook.APIKey, error) {
	var row apiKeyRow
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		writers, err := s.lockWriters(tx, organizationID, now)
		if err != nil {
			return err
		}
		err = notFound(tx.Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error, "API key", id)
		if err != nil {
			return err
		}
		revoked, err := s.revoke(tx, id, r.Descendants, now)
		if err != nil {
			return err
		}
		remaining := slices.DeleteFunc(slices.Clone(writers), func(writer string) bool { return slices.Contains(revoked, writer) })
		if !r.Last && len(writers) > 0 && len(remaining) == 0 {
			return webhook.ErrLastAPIKey
		}
		return tx.Where("id = ?", id).Take(&row).Error
	})
	if err != nil {
		return webhook.APIKey{}, s.translate("revoke an organization's API key", err)
	}
	return row.apiKey(), nil
}

// RevokeAPIKey revokes a key of any organization, or a platform key, and its descendants if they are asked for. A key that is revoked
// already keeps its time of revocation. The operator's command line uses it.
func (s *Store) RevokeAPIKey(ctx context.Context, id string, descendants bool, now time.Time) error {
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var row apiKeyRow
		if err := notFound(tx.Where("id = ?", id).Take(&row).Error, "API key", id); err != nil {
			return err
		}
		_, err := s.revoke(tx, id, descendants, now)
		return err
	})
	return s.translate("revoke an API key", err)
}

const (
	unrevokedSQL     = `SELECT id FROM api_keys WHERE id = ? AND revoked_at IS NULL`
	unrevokedTreeSQL = `WITH RECURSIVE tree AS (
	SELECT id FROM api_keys WHERE id = ?
	UNION
	SELECT k.id FROM tree t JOIN api_keys k ON k.created_by = t.id
) SELECT id FROM api_keys WHERE id IN (SELECT id FROM tree) AND revoked_at IS NULL ORDER BY id`
)

// revoke revokes a key, or a key with its descendants, and returns the IDs of those that were not revoked before. A key that one of them
// is creating holds a lock on its creator. The update waits for it, and the next search finds it.
func (s *Store) revoke(tx *gorm.DB, id string, descendants bool, now time.Time) (revoked []string, err error) {
	search := unrevokedSQL
	if descendants {
		search = unrevokedTreeSQL
	}
	for {
		var ids []string
		if err := tx.Raw(search, id).Scan(&ids).Error; err != nil || len(ids) == 0 {
			return revoked, err
		}
		if err := s.lockKeys(tx, ids); err != nil {
			return revoked, err
		}
		update := tx.Model(&apiKeyRow{}).Where(s.oneOf("id", ids)).Where("revoked_at IS NULL").UpdateColumn("revoked_at", now)
		if update.Error != nil {
			return revoked, update.Error
		}
		revoked = append(revoked, ids...)
	}
}

// lockKeys locks keys in the order of their IDs, as all transactions do, so that two of them cannot deadlock.
func (s *Store) lockKeys(tx *gorm.DB, ids []string) error {
	if !s.dialect.RowLocks {
		return nil
	}
	var locked []string
	return tx.Model(&apiKeyRow{}).Clauses(forUpdate).Where(s.oneOf("id", ids)).Order("id").Pluck("id", &locked).Error
}

// lockWriters locks the organization's valid keys with the scope read-write until the transaction ends, and returns their IDs. All
// transactions lock in the order of the IDs. PostgreSQL re-evaluates the condition after it has waited for a lock, so that a key that was
// revoked meanwhile is not returned.
func (s *Store) lockWriters(tx *gorm.DB, organizationID string, now time.Time) ([]string, error) {
	var ids []string
	err := validKeys(s.locking(tx, forUpdate).Model(&apiKeyRow{}), now).Where("organization_id = ? AND scope = ?", organizationID, webhook.ScopeReadWrite).
		Order("id").Pluck("id", &ids).Error
	return ids, err
}
