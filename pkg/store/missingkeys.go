package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// sealedHeader is how many bytes of a sealed value name its key: the version and the key ID.
const sealedHeader = 9

// MissingKeys returns the IDs of the keys that seal signing secrets in the database and are not in the keyring, sorted.
func (s *Store) MissingKeys(ctx context.Context) ([]string, error) {
	if s.sealer == nil {
		return nil, nil
	}
	var headers [][]byte
	err := s.db.WithContext(ctx).Model(&endpointRow{}).
		Distinct().Pluck(fmt.Sprintf("substr(signing_secrets, 1, %d)", sealedHeader), &headers).Error
	if err != nil {
		return nil, s.translate("list the keys of signing secrets", err)
	}
	var missing []string
	for _, header := range headers {
		if id, known := s.sealer.KeyOf(header); !known {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), nil
}

// CheckKeys returns an error that names the keys that SECRETS_KEY lacks.
func (s *Store) CheckKeys(ctx context.Context) error {
	missing, err := s.MissingKeys(ctx)
	if err != nil {
		return err
	}
	s.missingKeys.Store(int64(len(missing)))
	if len(missing) > 0 {
		return fmt.Errorf("SECRETS_KEY lacks keys that seal signing secrets in the database: add the keys with the IDs %s", strings.Join(missing, ", "))
	}
	return nil
}

// LogMissingKeys logs an error if SECRETS_KEY lacks keys: nothing can be sent to the endpoints that they seal.
func (s *Store) LogMissingKeys(ctx context.Context, log *slog.Logger) {
	if err := s.CheckKeys(ctx); err != nil {
		log.ErrorContext(ctx, "the keys of signing secrets could not all be found", "error", err)
	}
}

// MissingKeyCount is how many keys the last CheckKeys found to be missing.
func (s *Store) MissingKeyCount() int64 { return s.missingKeys.Load() }
