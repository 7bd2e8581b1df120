package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// CreateConsoleSession inserts a session.
func (s *Store) CreateConsoleSession(ctx context.Context, session webhook.ConsoleSession) error {
	row := newConsoleSessionRow(session)
	err := s.recording(ctx, func(tx *gorm.DB) (string, any, error) { return session.ID, session, tx.Create(&row).Error })
	return s.translate("create a console session", err)
}

// FindConsoleSessionOf returns one session of the organization. It may have ended.
func (s *Store) FindConsoleSessionOf(ctx context.Context, organizationID, id string) (webhook.ConsoleSession, error) {
	var row consoleSessionRow
	err := s.db.WithContext(ctx).Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	if err != nil {
		return webhook.ConsoleSession{}, s.translate("find a console session", notFound(err, "console session", id))
	}
	return row.session(), nil
}

// ListConsoleSessions returns a page of the sessions that the filter selects, newest first, including those that have ended.
func (s *Store) ListConsoleSessions(ctx context.Context, f webhook.ConsoleSessionFilter, page webhook.Page) (webhook.List[webhook.ConsoleSession], error) {
	query := s.db.WithContext(ctx).Where("organization_id = ?", f.OrganizationID)
	if f.Subject != "" {
		query = query.Where("subject = ?", f.Subject)
	}
	var rows []consoleSessionRow
	if err := newestFirst(query, page).Find(&rows).Error; err != nil {
		return webhook.List[webhook.ConsoleSession]{}, s.translate("list the console sessions", err)
	}
	sessions := make([]webhook.ConsoleSession, len(rows))
	for i, row := range rows {
		sessions[i] = row.session()
	}
	return webhook.NewList(sessions, page, func(s webhook.ConsoleSession) string { return s.ID }), nil
}

// EndConsoleSession ends a session of the organization and returns it. The organization of a session of the operator is empty. A session
// that has ended or expired is returned as it is. A session that was not opened cannot be opened after the call.
func (s *Store) EndConsoleSession(ctx context.Context, organizationID, id string, now time.Time) (webhook.ConsoleSession, error) {
	err := s.db.WithContext(ctx).Model(&consoleSessionRow{}).
		Where("id = ? AND organization_id = ? AND ended_at IS NULL AND expires_at > ?", id, organizationID, now).
		UpdateColumn("ended_at", now).Error
	if err != nil {
		return webhook.ConsoleSession{}, s.translate("end a console session", err)
	}
	return s.FindConsoleSessionOf(ctx, organizationID, id)
}

// SetConsoleSessionActsFor sets the organization that a session of the operator may write in. Empty allows no writing. A session of an
// organization and one that has ended are not found.
func (s *Store) SetConsoleSessionActsFor(ctx context.Context, id, organizationID string) error {
	update := s.db.WithContext(ctx).Model(&consoleSessionRow{}).
		Where("id = ? AND organization_id = '' AND ended_at IS NULL", id).UpdateColumn("acts_for", organizationID)
	if update.Error == nil && update.RowsAffected == 0 {
		return webhook.NotFound("console session", id)
	}
	return s.translate("set what a console session acts for", update.Error)
}

// PurgeConsoleSessions deletes up to limit sessions that ended or expired before a time. It returns how many it deleted.
func (s *Store) PurgeConsoleSessions(ctx context.Context, before time.Time, limit int) (int64, error) {
	old := s.db.Model(&consoleSessionRow{}).Select("id").Where("COALESCE(ended_at, expires_at) < ?", before).
		Order("COALESCE(ended_at, expires_at)").Limit(limit)
	deleted := s.db.WithContext(ctx).Where("id IN (?)", old).Delete(&consoleSessionRow{})
	return deleted.RowsAffected, s.translate("purge console sessions", deleted.Error)
}
