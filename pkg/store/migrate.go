package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
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
