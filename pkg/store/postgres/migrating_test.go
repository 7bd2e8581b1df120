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
		"ALTER TABLE endpoints DROP COLUMN timeout_seconds, DROP COLUMN retry_schedule, DROP COLUMN payload, DROP COLUMN signature_header",
		"ALTER TABLE endpoints DROP COLUMN metadata, DROP COLUMN paused_at, DROP COLUMN deleted_at, DROP COLUMN disabled_reason",
		"DROP TABLE endpoint_changes",
		"DROP TABLE idempotency_keys", "DROP TABLE endpoint_health", "ALTER TABLE attempts DROP COLUMN error_code",
		"DROP TABLE bulk_jobs", "DROP TABLE console_sessions", "ALTER TABLE deliveries DROP COLUMN bulk_job_id, DROP COLUMN failed_at, DROP COLUMN inserted_at",
		"ALTER TABLE events DROP COLUMN inserted_at",
		"ALTER TABLE deliveries DROP COLUMN priority, DROP COLUMN test, DROP COLUMN requeued, DROP COLUMN replay_of", "ALTER TABLE endpoints DROP COLUMN tested_at",
		"DROP TABLE organizations, event_types", "DROP TABLE statistics_deltas, statistics_hours, statistics_days, statistics_types, statistics_state", "DROP INDEX api_keys_by_creator, events_by_organization",
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
	assert.Len(t, applied, 33)
}
