package store_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/store/storetest"
)

func TestBackfillStatistics(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		storetest.RunBackfill(t, func(t *testing.T) (*store.Store, storetest.Forgetting) {
			url := storetest.MigratedPostgres(t)
			return storetest.OpenPostgres(t, url), forgetting(t, "pgx", url)
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		storetest.RunBackfill(t, func(t *testing.T) (*store.Store, storetest.Forgetting) {
			path := filepath.Join(t.TempDir(), "small.db")
			opened, err := sqlite.Open(path, storetest.Sealer(t))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, opened.Close()) })
			return storetest.Migrated(t, opened), forgetting(t, "sqlite", path)
		})
	})
}

func forgetting(t *testing.T, driver, source string) storetest.Forgetting {
	t.Helper()
	forget := func(statements ...string) func() {
		return func() {
			db, err := sql.Open(driver, source)
			require.NoError(t, err)
			defer func() { assert.NoError(t, db.Close()) }()
			for _, statement := range statements {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
		}
	}
	return storetest.Forgetting{
		Everything: forget("DELETE FROM statistics_deltas", "DELETE FROM statistics_hours", "DELETE FROM statistics_days", "DELETE FROM statistics_types",
			"UPDATE statistics_state SET counted_from = NULL"),
		NotMerged: forget("DELETE FROM statistics_deltas"),
	}
}
