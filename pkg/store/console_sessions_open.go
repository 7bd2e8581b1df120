package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// keyHolds is the condition that the key of a session is valid at a time, or that the session is bound to none. k is the key, which may be
// missing.
const keyHolds = `(s.api_key_id = '' OR (k.id IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)))`

const openConsoleSQL = `UPDATE console_sessions SET opened_at = ?, expires_at = ?, token_hash = ?
WHERE id = ? AND opened_at IS NULL AND ended_at IS NULL AND link_expires_at > ? AND EXISTS (
	SELECT 1 FROM console_sessions s LEFT JOIN api_keys k ON k.id = s.api_key_id WHERE s.id = console_sessions.id AND ` + keyHolds + `)`

// OpenConsoleSession opens the session of a link, gives it the hash of its token, and returns it. One of any number of concurrent callers
// opens it, by one conditional update. It returns webhook.ErrLinkUnknown, webhook.ErrLinkUsed or webhook.ErrLinkExpired if the link does not
// open. The link of a session that was ended, or whose key is not valid any more, has expired.
func (s *Store) OpenConsoleSession(ctx context.Context, linkHash, tokenHash [sha256.Size]byte, now time.Time) (webhook.ConsoleSession, error) {
	row, err := s.findByLink(ctx, linkHash)
	if err != nil {
		return webhook.ConsoleSession{}, s.translate("find the console session of a link", err)
	}
	expires := now.Add(row.lifetime()) // the lifetime of a session never changes
	update := s.db.WithContext(ctx).Exec(openConsoleSQL, now, expires, tokenHash[:], row.ID, now, now)
	if update.Error != nil {
		return webhook.ConsoleSession{}, s.translate("open a console session", update.Error)
	}
	if row, err = s.findByLink(ctx, linkHash); err != nil {
		return webhook.ConsoleSession{}, s.translate("find the console session of a link", err)
	}
	switch {
	case update.RowsAffected == 1:
		return row.session(), nil
	case row.OpenedAt != nil:
		return webhook.ConsoleSession{}, webhook.ErrLinkUsed
	}
	return webhook.ConsoleSession{}, webhook.ErrLinkExpired
}

func (s *Store) findByLink(ctx context.Context, linkHash [sha256.Size]byte) (row consoleSessionRow, err error) {
	err = s.db.WithContext(ctx).Where("link_hash = ?", linkHash[:]).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, webhook.ErrLinkUnknown
	}
	return row, err
}
