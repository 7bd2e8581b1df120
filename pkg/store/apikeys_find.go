package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"redrive/pkg/webhook"
)

// FindAPIKeyByHash is FindAPIKeysByHash for one hash.
func (s *Store) FindAPIKeyByHash(ctx context.Context, hash [sha256.Size]byte) (webhook.APIKey, error) {
	keys, failures := s.FindAPIKeysByHash(ctx, [][sha256.Size]byte{hash})
	return keys[0], failures[0]
}

// FindAPIKeysByHash returns, in the order of the hashes, the key with each hash, or an error with the code not_found. A key may be revoked
// or expired. All hashes share one statement. The index lookup compares hashes, whose timing reveals nothing about the key. The final
// comparison takes constant time.
func (s *Store) FindAPIKeysByHash(ctx context.Context, hashes [][sha256.Size]byte) ([]webhook.APIKey, []error) {
	keys, failures := make([]webhook.APIKey, len(hashes)), make([]error, len(hashes))
	values := make([][]byte, len(hashes))
	for i := range hashes {
		values[i] = hashes[i][:]
	}
	var rows []apiKeyRow
	err := s.db.WithContext(ctx).Where(s.oneOf("key_hash", values)).Find(&rows).Error
	err = s.translate("find API keys", err)
	found := make(map[[sha256.Size]byte]apiKeyRow, len(rows))
	for _, row := range rows {
		found[[sha256.Size]byte(row.KeyHash)] = row
	}
	for i, hash := range hashes {
		row, ok := found[hash]
		switch {
		case err != nil:
			failures[i] = err
		case !ok || subtle.ConstantTimeCompare(row.KeyHash, hash[:]) != 1:
			failures[i] = webhook.NotFound("API key", "")
		default:
			keys[i] = row.apiKey()
		}
	}
	return keys, failures
}
