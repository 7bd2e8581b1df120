package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"

	"redrive/pkg/webhook"
)

func (s *Store) migrations(db *sql.DB) (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect.Locker != nil {
		options = append(options, goose.WithSessionLocker(s.dialect.Locker))
	}
	provider, err := goose.NewProvider(s.dialect.Goose, db, s.dialect.Migrations, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// Migrate applies the pending migrations and returns their names. If several processes call it at the same time, one of them applies the
// migrations and the others wait for it.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	db := s.dialect.SQL
	if s.dialect.OpenMigrations != nil {
		opened, err := s.dialect.OpenMigrations(ctx)
		if err != nil {
			return nil, s.translate("open the database to migrate it", err)
		}
		defer func() { _ = opened.Close() }()
		db = opened
	}
	provider, err := s.migrations(db)
	if err != nil {
		return nil, err
	}
	var applied []string
	for try := 1; ; try++ {
		results, err := provider.Up(ctx)
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			results = partial.Applied
		}
		for _, result := range results {
			applied = append(applied, result.Source.Path)
		}
		if err == nil {
			return applied, nil
		}
		if partial == nil || try == migrationTries || s.dialect.Blockers == nil || ctx.Err() != nil {
			return applied, s.translate("migrate the schema", err)
		}
		held := s.dialect.Blockers(ctx, db, err)
		if held == "" {
			return applied, s.translate("migrate the schema", err)
		}
		if try == migrationTries-1 {
			return applied, fmt.Errorf("migrate the schema: other sessions hold its tables; end them, or try again later: %s: %w", held, err)
		}
		time.Sleep(migrationPause)
	}
}

// A migration that timed out on a lock is retried after a pause. Statements that queued behind it run in the pause.
const (
	migrationTries = 6
	migrationPause = time.Second
)

// schemaTimeout is how long a start waits for a database that accepts connections but does not answer.
const schemaTimeout = 10 * time.Second

// CheckSchemaOrWait is CheckSchema for the start of a service. It returns no error if the database is unavailable, because a service may
// start before its database.
func (s *Store) CheckSchemaOrWait(ctx context.Context, log *slog.Logger) error {
	checking, cancel := context.WithTimeout(ctx, schemaTimeout)
	defer cancel()
	err := s.CheckSchema(checking)
	if webhook.CodeOf(err) == webhook.CodeUnavailable {
		log.WarnContext(ctx, "starting without the database", "error", err)
		return nil
	}
	return err
}

// CheckSchema returns an error if the schema is older than this program. The error says what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	provider, err := s.migrations(s.dialect.SQL)
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return s.translate("read the schema's version", err)
	}
	if pending {
		return fmt.Errorf("the database's schema is older than this program: run `api-service migrate` first")
	}
	return s.learnLayout(ctx)
}
