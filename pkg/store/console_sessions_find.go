package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"redrive/pkg/webhook"
)

// FoundConsoleSession is a session with what a request needs beside it.
type FoundConsoleSession struct {
	Session webhook.ConsoleSession
	// Organization is the organization of the session, with its limits and the time of its deletion. It is zero for the operator's.
	Organization webhook.Organization
	// KeyValid reports whether the key that the session is bound to is neither revoked nor expired. It is true without such a key.
	KeyValid bool
}

// Valid reports whether the session can be used.
func (f FoundConsoleSession) Valid(now time.Time) bool {
	return f.KeyValid && f.Session.Live(now) && !f.Organization.Deleted()
}

// foundConsoleRow is a session with its organization, whose columns are NULL if it has no row, and with the state of its key.
type foundConsoleRow struct {
	Session              consoleSessionRow `gorm:"embedded"`
	OrganizationName     *string
	MaxEndpoints         *int
	MaxAPIKeys           *int `gorm:"column:max_api_keys"`
	MaxWaitingDeliveries *int
	RequestsPerSecond    *int
	DeletedAt            *time.Time
	KeyValid             bool
}

const findConsoleSQL = `SELECT s.id, s.organization_id, s.scope, s.subject, s.path, s.api_key_id, s.by_link, s.acts_for, s.lifetime_seconds,
	s.link_hash, s.token_hash, s.created_by, s.created_at, s.link_expires_at, s.expires_at, s.opened_at, s.ended_at,
	o.name AS organization_name, o.max_endpoints, o.max_api_keys, o.max_waiting_deliveries, o.requests_per_second, o.deleted_at,
	` + keyHolds + ` AS key_valid
FROM console_sessions s LEFT JOIN organizations o ON o.id = s.organization_id LEFT JOIN api_keys k ON k.id = s.api_key_id
WHERE s.token_hash = ?`

// FindConsoleSession returns the session whose token has the hash, with its organization and the state of its key, or an error with the
// code not_found. It is one statement. The session may have ended. The index lookup compares hashes, whose timing reveals nothing about the
// token. The final comparison takes constant time.
func (s *Store) FindConsoleSession(ctx context.Context, tokenHash [sha256.Size]byte, now time.Time) (FoundConsoleSession, error) {
	var rows []foundConsoleRow
	if err := s.db.WithContext(ctx).Raw(findConsoleSQL, now, tokenHash[:]).Scan(&rows).Error; err != nil {
		return FoundConsoleSession{}, s.translate("find a console session by its token", err)
	}
	if len(rows) == 0 || subtle.ConstantTimeCompare(rows[0].Session.TokenHash, tokenHash[:]) != 1 {
		return FoundConsoleSession{}, webhook.NotFound("console session", "")
	}
	return rows[0].found(), nil
}

func (r foundConsoleRow) found() FoundConsoleSession {
	found := FoundConsoleSession{Session: r.Session.session(), KeyValid: r.KeyValid}
	if found.Session.OrganizationID == "" {
		return found
	}
	o := webhook.DefaultOrganization(found.Session.OrganizationID)
	set(&o.Name, r.OrganizationName)
	set(&o.Limits.MaxEndpoints, r.MaxEndpoints)
	set(&o.Limits.MaxAPIKeys, r.MaxAPIKeys)
	set(&o.Limits.MaxWaitingDeliveries, r.MaxWaitingDeliveries)
	set(&o.Limits.RequestsPerSecond, r.RequestsPerSecond)
	o.DeletedAt = timeOf(r.DeletedAt)
	found.Organization = o
	return found
}

// set sets target to a column that is not NULL.
func set[T any](target, column *T) {
	if column != nil {
		*target = *column
	}
}
