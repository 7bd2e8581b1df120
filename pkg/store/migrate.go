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

// Migrate brings the schema up to date and returns the names of the migrations that it applied. Several processes may call
// it at once: one works, the others wait and find nothing left to do.
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

// A migration that waited in vain for a lock is tried again after a pause, in which the statements that queued behind it run.
const (
	migrationTries = 6
	migrationPause = time.Second
)

// schemaPatience is how long a start waits for a database that takes connections and says nothing.
const schemaPatience = 10 * time.Second

// CheckSchemaOrWait is CheckSchema for a service that starts, which it may do while its database is still away.
func (s *Store) CheckSchemaOrWait(ctx context.Context, log *slog.Logger) error {
	checking, cancel := context.WithTimeout(ctx, schemaPatience)
	defer cancel()
	err := s.CheckSchema(checking)
	if webhook.CodeOf(err) == webhook.CodeUnavailable {
		log.WarnContext(ctx, "starting without the database", "error", err)
		return nil
	}
	return err
}

// CheckSchema returns an error that says what to do if the schema is older than this program.
func (s *Store) CheckSchema(ctx context.Context) error {
	provider, err := s.migrations(s.dialect.SQL)
	if err != nil {
		return err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return s.translate("look at the schema's version", err)
	}
	if pending {
		return fmt.Errorf("the database's schema is older than this program: run `api-service migrate` first")
	}
	return nil
}
