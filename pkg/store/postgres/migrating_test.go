package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

// The limits of the role do not end a migration. The error names the session that blocks it.
func TestMigrateBlockedNamesTheSession(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	opened := storetest.OpenPostgres(t, url+"&statement_timeout=2000")
	beside := connect(t, url+"&application_name=reporting")
	_, err := opened.Migrate(t.Context())
	require.NoError(t, err)
	for _, statement := range []string{
		"DELETE FROM goose_db_version WHERE version_id >= 4", "ALTER TABLE endpoints DROP COLUMN headers, DROP COLUMN rate_limit",
		"ALTER TABLE deliveries DROP COLUMN priority",
		"BEGIN", "SELECT count(*) FROM endpoints",
	} {
		_, err := beside.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	_, err = opened.Migrate(t.Context())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "reporting")
	assert.Contains(t, err.Error(), "SELECT count(*) FROM endpoints")

	_, err = beside.Exec(t.Context(), "COMMIT")
	require.NoError(t, err)
	applied, err := opened.Migrate(t.Context())
	require.NoError(t, err)
	assert.Len(t, applied, 3)
}
