package store_test

import (
	"database/sql"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/glebarez/go-sqlite"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

// TestSchemaBothDatabasesEqual compares tables, columns, nullability and indexes. A difference would show only with the data of
// a user.
func TestSchemaBothDatabasesEqual(t *testing.T) {
	url := testservers.Postgres(t)
	large, err := postgres.Open(postgres.Options{URL: url}, nil)
	migrate(t, large, err)
	path := filepath.Join(t.TempDir(), "small.db")
	small, err := sqlite.Open(path, nil)
	migrate(t, small, err)

	columns := list(t, "pgx", url, `
		SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN ' NULL' ELSE '' END
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'`)
	assert.Greater(t, len(columns), 50)
	assert.Equal(t, columns, list(t, "sqlite", path, `
		SELECT t.name || '.' || c.name || CASE WHEN c."notnull" OR c.pk THEN '' ELSE ' NULL' END
		FROM sqlite_master t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'sqlite%'`))

	indexes := list(t, "pgx", url, `
		SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'goose%' AND indexname NOT LIKE '%_key' AND indexname NOT LIKE '%_pkey'`)
	assert.NotEmpty(t, indexes)
	assert.Equal(t, indexes, list(t, "sqlite", path, `SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'`))
}

func migrate(t *testing.T, s *store.Store, err error) {
	t.Helper()
	require.NoError(t, err)
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func list(t *testing.T, driver, source, query string) []string {
	t.Helper()
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		found = append(found, name)
	}
	require.NoError(t, rows.Err())
	slices.Sort(found)
	return found
}
