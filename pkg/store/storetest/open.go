package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Sealer returns a keyring with one random key.
func Sealer(t testing.TB) *keyring.Keyring {
	t.Helper()
	key, err := keyring.Generate()
	require.NoError(t, err)
	sealer, err := keyring.Parse(key)
	require.NoError(t, err)
	return sealer
}

// OpenPostgres opens a store in the PostgreSQL database of the URL until the test ends. It does not connect and does not migrate.
func OpenPostgres(t testing.TB, url string) *store.Store {
	t.Helper()
	opened, err := postgres.Open(postgres.Options{URL: url, ApplicationName: "test", MaxConnections: 8}, Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

// Migrated migrates a store and returns it.
func Migrated(t testing.TB, s *store.Store) *store.Store {
	t.Helper()
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	return s
}

// MigratedPostgres returns the URL of a new PostgreSQL database with all tables. The migrations run once in a process, and each call copies
// their result.
func MigratedPostgres(t testing.TB) string {
	t.Helper()
	return migrated.Postgres(t)
}

// NewPostgres opens a store in a new PostgreSQL database with all tables until the test ends.
func NewPostgres(t testing.TB) *store.Store {
	t.Helper()
	return OpenPostgres(t, MigratedPostgres(t))
}

var migrated = testservers.NewTemplate(func(url string) error { return prepare(url, false) })

// PostgresByMonth returns the URL of a new PostgreSQL database that is divided by month. It has partitions for the months of the suite's fixed
// times and for those of the clock.
func PostgresByMonth(t testing.TB) string {
	t.Helper()
	return divided.Postgres(t)
}

// NewPostgresByMonth opens a store in such a database until the test ends.
func NewPostgresByMonth(t testing.TB) *store.Store {
	t.Helper()
	opened := OpenPostgres(t, PostgresByMonth(t))
	require.NoError(t, opened.CheckSchema(t.Context())) // as a service does at its start
	return opened
}

var divided = testservers.NewTemplate(func(url string) error { return prepare(url, true) })

func prepare(url string, byMonth bool) error {
	ctx := context.Background()
	opened, err := postgres.Open(postgres.Options{URL: url}, nil) // the migrations seal nothing
	if err != nil {
		return err
	}
	_, err = opened.Migrate(ctx)
	if err == nil && byMonth {
		_, err = opened.PartitionByMonth(ctx, start.AddDate(0, -1, 0), func(string) {})
	}
	if err == nil && byMonth {
		_, _, err = opened.MakePartitions(ctx, webhook.Now())
	}
	return errors.Join(err, opened.Close())
}
