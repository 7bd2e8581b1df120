package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"redrive/pkg/webhook"
)

// FindAPIKeyByHash returns the key with the hash. It may be revoked or expired.
func (s *Store) FindAPIKeyByHash(ctx context.Context, hash [sha256.Size]byte) (webhook.APIKey, error) {
	identities, failures := s.FindIdentities(ctx, [][sha256.Size]byte{hash})
	return identities[0].Key, failures[0]
}

// identityRow is a key with what a request needs of its organization. An organization without a row has the default limits.
type identityRow struct {
	APIKey               apiKeyRow `gorm:"embedded"`
	MaxWaitingDeliveries int
	RequestsPerSecond    int
	DeletedAt            *time.Time
}

const identitiesSQL = `SELECT k.id, k.organization_id, k.name, k.description, k.scope, k.key_prefix, k.key_hash, k.created_by, k.created_at,
	k.expires_at, k.revoked_at, k.last_used_at,
	COALESCE(o.max_waiting_deliveries, 0) AS max_waiting_deliveries, COALESCE(o.requests_per_second, 0) AS requests_per_second, o.deleted_at
FROM api_keys k LEFT JOIN organizations o ON o.id = k.organization_id WHERE k.key_hash `

func (r identityRow) identity() webhook.Identity {
	identity := webhook.Identity{Key: r.APIKey.apiKey()}
	if identity.Key.Scope == webhook.ScopePlatform {
		return identity
	}
	identity.Organization = webhook.DefaultOrganization(r.APIKey.OrganizationID)
	identity.Organization.Limits.MaxWaitingDeliveries = r.MaxWaitingDeliveries
	identity.Organization.Limits.RequestsPerSecond = r.RequestsPerSecond
	identity.Organization.DeletedAt = timeOf(r.DeletedAt)
	return identity
}

// FindIdentities returns, in the order of the hashes, the key with each hash, or an error with the code not_found. A key may be revoked
// or expired. It comes with its organization's limits of requests and deliveries and the time of its deletion. All hashes share one
// statement. The index lookup compares hashes, whose timing reveals nothing about the key. The final comparison takes constant time.
func (s *Store) FindIdentities(ctx context.Context, hashes [][sha256.Size]byte) ([]webhook.Identity, []error) {
	values := make([][]byte, len(hashes))
	for i := range hashes {
		values[i] = hashes[i][:]
	}
	condition, argument := "IN ?", any(values)
	if s.dialect.Postgres {
		condition, argument = "= ANY(?)", array{values}
	}
	query := s.db.WithContext(ctx).Raw(identitiesSQL+condition, argument)
	var rows []identityRow
	err := s.translate("find API keys", query.Scan(&rows).Error)
	found := make(map[[sha256.Size]byte]identityRow, len(rows))
	for _, row := range rows {
		found[[sha256.Size]byte(row.APIKey.KeyHash)] = row
	}
	return each(hashes, func(hash [sha256.Size]byte) (webhook.Identity, error) {
		row, ok := found[hash]
		switch {
		case err != nil:
			return webhook.Identity{}, err
		case !ok || subtle.ConstantTimeCompare(row.APIKey.KeyHash, hash[:]) != 1:
			return webhook.Identity{}, webhook.NotFound("API key", "")
		}
		return row.identity(), nil
	})
}
