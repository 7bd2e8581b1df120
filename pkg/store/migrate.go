package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"

	"redrive/pkg/webhook"
)

func (s *Store) migrations() (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect.Locker != nil {
		options = append(options, goose.WithSessionLocker(s.dialect.Locker))
	}
	provider, err := goose.NewProvider(s.dialect.Goose, s.dialect.SQL, s.dialect.Migrations, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// Migrate brings the schema up to date and returns the names of the migrations that it applied. Several processes may call
// it at once: one works, the others wait and find nothing left to do.
func (s *Store) Migrate(ctx context.Context) ([]string, error) {
	provider, err := s.migrations()
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, s.translate("migrate the schema", err)
	}
	applied := make([]string, len(results))
	for i, result := range results {
		applied[i] = result.Source.Path
	}
	return applied, nil
}

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
	provider, err := s.migrations()
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
