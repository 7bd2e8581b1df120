package store

import (
	"crypto/sha256"
	"time"

	"redrive/pkg/webhook"
)

type consoleSessionRow struct {
	ID              string `gorm:"primaryKey"`
	OrganizationID  string
	Scope           string
	Subject         string
	Path            string
	APIKeyID        string `gorm:"column:api_key_id"`
	ByLink          bool
	ActsFor         string
	LifetimeSeconds int64
	LinkHash        []byte
	TokenHash       []byte
	CreatedBy       string
	CreatedAt       time.Time `gorm:"autoCreateTime:false"`
	LinkExpiresAt   *time.Time
	ExpiresAt       time.Time
	OpenedAt        *time.Time
	EndedAt         *time.Time
}

func (consoleSessionRow) TableName() string { return "console_sessions" }

func newConsoleSessionRow(s webhook.ConsoleSession) consoleSessionRow {
	return consoleSessionRow{
		ID: s.ID, OrganizationID: s.OrganizationID, Scope: string(s.Scope), Subject: s.Subject, Path: s.Path, APIKeyID: s.APIKeyID,
		ByLink: s.ByLink, ActsFor: s.ActsFor, LifetimeSeconds: int64(s.Lifetime / time.Second),
		LinkHash: hashColumn(s.LinkHash), TokenHash: hashColumn(s.TokenHash), CreatedBy: s.CreatedBy, CreatedAt: s.CreatedAt,
		LinkExpiresAt: nullable(s.LinkExpiresAt), ExpiresAt: s.ExpiresAt, OpenedAt: nullable(s.OpenedAt), EndedAt: nullable(s.EndedAt),
	}
}

func (r consoleSessionRow) session() webhook.ConsoleSession {
	return webhook.ConsoleSession{
		ID: r.ID, OrganizationID: r.OrganizationID, Scope: webhook.Scope(r.Scope), Subject: r.Subject, Path: r.Path, APIKeyID: r.APIKeyID,
		ByLink: r.ByLink, ActsFor: r.ActsFor, Lifetime: r.lifetime(),
		LinkHash: hashOf(r.LinkHash), TokenHash: hashOf(r.TokenHash), CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		LinkExpiresAt: timeOf(r.LinkExpiresAt), ExpiresAt: r.ExpiresAt.UTC(), OpenedAt: timeOf(r.OpenedAt), EndedAt: timeOf(r.EndedAt),
	}
}

func (r consoleSessionRow) lifetime() time.Duration {
	return time.Duration(r.LifetimeSeconds) * time.Second
}

// hashColumn returns a hash as it is stored. The zero hash, which no token has, is NULL.
func hashColumn(hash [sha256.Size]byte) []byte {
	if hash == [sha256.Size]byte{} {
		return nil
	}
	return hash[:]
}

// hashOf returns a stored hash. It returns zero, which is the hash of no key and no token, for NULL and for a damaged column.
func hashOf(column []byte) (hash [sha256.Size]byte) {
	if len(column) == len(hash) {
		copy(hash[:], column)
	}
	return hash
}
