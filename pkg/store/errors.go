package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// retryAfter is the Retry-After of an unavailable database. A failover takes about this long to begin.
const retryAfter = 5 * time.Second

// translate turns a driver's error into an error of the domain, wrapped with what was being done. All methods call it.
func (s *Store) translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *webhook.Error
	if errors.As(err, &known) {
		return err
	}
	s.noticeFull(err)
	if s.dialect.Explain != nil {
		err = s.dialect.Explain(err)
	}
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.DeadlineExceeded) || s.dialect.Unavailable(err) {
		return webhook.Unavailable(retryAfter, err)
	}
	return err
}

// notFound turns GORM's error for no row into the domain's error.
func notFound(err error, what, id string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return webhook.NotFound(what, id)
	}
	return err
}
