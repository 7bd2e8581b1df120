package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// retryAfter is what callers are told to wait when the database is away: about as long as a failover takes to begin.
const retryAfter = 5 * time.Second

// translate turns a driver's error into one of the domain's, in this one place, and says what was being done.
func (s *Store) translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *webhook.Error
	if errors.As(err, &known) {
		return err
	}
	s.noticeFull(err)
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.DeadlineExceeded) || s.dialect.Unavailable(err) {
		return webhook.Unavailable(retryAfter, err)
	}
	return err
}

// notFound turns GORM's word for no row into the domain's.
func notFound(err error, what, id string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return webhook.NotFound(what, id)
	}
	return err
}
