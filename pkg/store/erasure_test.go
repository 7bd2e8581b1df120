package store_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/testservers"
)

// TestErasureNamesEveryTable reads the tables from the catalogue of both databases. A table that an erasure does not name would keep rows
// of an erased organization.
func TestErasureNamesEveryTable(t *testing.T) {
	url := testservers.Postgres(t)
	large, err := postgres.Open(postgres.Options{URL: url}, nil)
	migrate(t, large, err)
	path := filepath.Join(t.TempDir(), "small.db")
	small, err := sqlite.Open(path, nil)
	migrate(t, small, err)

	erased, global := store.ErasedTables()
	known := slices.Concat(erased, global)
	assert.ElementsMatch(t, known, list(t, "pgx", url,
		`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%'`))
	assert.ElementsMatch(t, known, list(t, "sqlite", path,
		`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'`))
	assert.ElementsMatch(t, erased, list(t, "pgx", url, `SELECT table_name FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name = 'organization_id'`), "a table with an organization is erased")
}
