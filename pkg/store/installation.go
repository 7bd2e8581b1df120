package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// Installation returns the name of the database. All processes that use the database get the same name, and no other database has it. It
// is empty for a database that belongs to one process.
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
