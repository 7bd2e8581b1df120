package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Installation names the database: the name is the same for all processes that use it, and no other database has it. It is empty
// where the database is one process's own.
func (s *Store) Installation(ctx context.Context) (string, error) {
	if s.dialect.Installation == "" {
		return "", nil
	}
	var text string
	if err := s.db.WithContext(ctx).Raw(s.dialect.Installation).Row().Scan(&text); err != nil {
		return "", s.translate("name the installation", err)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8]), nil
}
