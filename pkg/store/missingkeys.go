package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"redrive/pkg/webhook"
)

// sealedHeader is the length of the beginning of a sealed value that names its key, in bytes: the version and the key ID.
const sealedHeader = 9

// keysKept is how long CheckKeys returns the same answer. It reads every endpoint, and health checks are frequent.
const keysKept = 15 * time.Second

// keyCheck is the last answer of CheckKeys. The mutex is held during a read, so that one caller reads for all.
type keyCheck struct {
	mutex   sync.Mutex
	checked time.Time
	missing []string
}

// MissingKeys returns the sorted IDs of the keys that seal signing secrets, headers or recorded
// answers in the database but are not in the keyring.
func (s *Store) MissingKeys(ctx context.Context) ([]string, error) {
	if s.sealer == nil {
		return nil, nil
	}
	var sealed [][]byte
	err := s.db.WithContext(ctx).Model(&endpointRow{}).
		Distinct().Pluck(fmt.Sprintf("substr(signing_secrets, 1, %d)", sealedHeader), &sealed).Error
	if err != nil {
		return nil, s.translate("list the keys of signing secrets", err)
	}
	var columns []string
	if err := s.db.WithContext(ctx).Model(&endpointRow{}).Where("headers NOT IN ('', '{}')").Pluck("headers", &columns).Error; err != nil {
		return nil, s.translate("list the keys of headers", err)
	}
	answers, err := s.sealedAnswers(ctx)
	if err != nil {
		return nil, err
	}
	sealed = append(sealed, answers...)
	for _, column := range columns {
		headers, _ := endpointRow{Headers: column}.sealedHeaders() // a damaged column names no key
		for _, value := range headers {
			sealed = append(sealed, value)
		}
	}
	var missing []string
	for _, value := range sealed {
		if id, known := s.sealer.KeyOf(value); !known {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing), nil
}

// CheckKeys returns an error that names the keys that SECRETS_KEY lacks. The answer may be up to keysKept old.
func (s *Store) CheckKeys(ctx context.Context) error {
	s.keys.mutex.Lock()
	defer s.keys.mutex.Unlock()
	if now := webhook.Now(); s.keys.checked.IsZero() || now.Sub(s.keys.checked) >= keysKept {
		missing, err := s.MissingKeys(ctx)
		if err != nil {
			return err
		}
		s.keys.checked, s.keys.missing = now, missing
	}
	if len(s.keys.missing) > 0 {
		return fmt.Errorf("SECRETS_KEY lacks keys that seal signing secrets in the database: add the keys with the IDs %s",
			strings.Join(s.keys.missing, ", "))
	}
	return nil
}

// LogMissingKeys logs an error if SECRETS_KEY lacks keys. Nothing can be sent to the endpoints whose secrets they seal.
func (s *Store) LogMissingKeys(ctx context.Context, log *slog.Logger) {
	if err := s.CheckKeys(ctx); err != nil {
		log.ErrorContext(ctx, "check of the keys of signing secrets failed", "error", err)
	}
}

// MissingKeyCount returns the number of missing keys. If the database does not answer before ctx ends, it returns the last known number.
func (s *Store) MissingKeyCount(ctx context.Context) int64 {
	_ = s.CheckKeys(ctx) // /readyz reports the error
	s.keys.mutex.Lock()
	defer s.keys.mutex.Unlock()
	return int64(len(s.keys.missing))
}
