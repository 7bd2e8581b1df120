package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// TestMigrateFilledDatabaseLosesNothing fills a database that has no organizations yet, and migrates it. Every row keeps what it had. Each
// organization that has a key or an endpoint gets a row, named by its ID.
func TestMigrateFilledDatabaseLosesNothing(t *testing.T) {
	url := testservers.Postgres(t)
	large, err := postgres.Open(postgres.Options{URL: url}, nil)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "small.db")
	small, err := sqlite.Open(path, nil)
	require.NoError(t, err)
	t.Run("postgres", func(t *testing.T) {
		testMigrateFilled(t, large, goose.DialectPostgres, "pgx", url, "postgres/migrations")
	})
	t.Run("sqlite", func(t *testing.T) {
		testMigrateFilled(t, small, goose.DialectSQLite3, "sqlite", path, "sqlite/migrations")
	})
}

// lastWithoutOrganizations is the last migration of the version before.
const lastWithoutOrganizations = 6

func testMigrateFilled(t *testing.T, s *store.Store, dialect goose.Dialect, driver, source, migrations string) {
	t.Helper()
	defer func() { assert.NoError(t, s.Close()) }()
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	provider, err := goose.NewProvider(dialect, db, os.DirFS(migrations), goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), lastWithoutOrganizations)
	require.NoError(t, err)
	before := fillOld(t, db)

	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	for table, old := range before {
		assert.Equal(t, old.rows, rowsOf(t, db, table, old.columns), table)
	}
	organizations, err := s.ListOrganizations(t.Context(), "", false, webhook.Page{Limit: 10})
	require.NoError(t, err)
	var names []string
	for _, o := range organizations.Items {
		names = append(names, o.Name)
		assert.Equal(t, o.ID, o.Name)
		assert.Equal(t, webhook.DefaultOrganizationLimits, o.Limits)
		assert.False(t, o.Deleted())
		assert.Equal(t, "2024-05-06T07:08:09Z", o.CreatedAt.Format("2006-01-02T15:04:05Z"), "as old as the first that it has")
	}
	assert.Equal(t, []string{"both", "endpoint only", "key only", "revoked"}, names)

	endpoint, err := s.FindEndpoint(t.Context(), "endpoint only", "ep_1")
	require.NoError(t, err)
	assert.Equal(t, []string{"run.*"}, endpoint.SubscribedEventTypes)
	assert.Equal(t, []any{webhook.Payload(""), 0, true, true}, []any{endpoint.Payload, endpoint.TimeoutSeconds, endpoint.PausedAt.IsZero(), endpoint.DeletedAt.IsZero()})
	waiting, err := s.FindWaiting(t.Context(), []string{"dlv_1", "dlv_2"})
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	assert.False(t, waiting[0].Test)
}

// oldTable is what a table has before the migration.
type oldTable struct{ columns, rows []string }

// fillOld inserts rows into every table and returns them.
func fillOld(t *testing.T, db *sql.DB) map[string]oldTable {
	t.Helper()
	const at, later = "'2024-05-06 07:08:09.123456Z'", "'2024-05-06 08:08:09.123456Z'"
	var statements []string
	for i, key := range []struct{ organization, at, revoked string }{
		{"both", at, "NULL"}, {"key only", at, "NULL"}, {"key only", later, "NULL"}, {"revoked", at, later},
	} {
		statements = append(statements, fmt.Sprintf(`INSERT INTO api_keys (id, organization_id, name, description, scope, key_prefix, key_hash, created_by,
			created_at, revoked_at) VALUES ('key_%d', '%s', 'n', '', 'read-write', 'rdk_', 'hash %d', 'command line', %s, %s)`, i, key.organization, i, key.at, key.revoked))
	}
	for i, organization := range []string{"both", "endpoint only"} {
		statements = append(statements, fmt.Sprintf(`INSERT INTO endpoints (id, organization_id, name, url, description, subscribed_event_types, max_retries,
			status, signing_secrets, created_by, created_at, updated_at, rate_limit, headers)
			VALUES ('ep_%d', '%s', 'n', 'https://example.com', 'd', '["run.*"]', 5, 'active', 'sealed', 'key_0', %s, %s, 7, '{"X": "sealed"}')`, i, organization, at, later))
	}
	statements = append(statements,
		`INSERT INTO events (id, organization_id, event_type, workflow_id, run_id, execution_id, data, created_at)
			VALUES ('evt_1', 'both', 'run.finished', 'w', 'r', 'e', '{"n": 1.50}', `+at+`)`,
		`INSERT INTO deliveries (id, organization_id, endpoint_id, event_id, status, retry_count, max_retries, next_retry_at, revision, queue, failure_reason,
			attempt_count, last_attempt_id, created_at, updated_at) VALUES
			('dlv_1', 'both', 'ep_0', 'evt_1', 'retrying', 1, 5, `+later+`, 2, 'deliveries', '', 1, 'att_1', `+at+`, `+later+`),
			('dlv_2', 'both', 'ep_0', 'evt_1', 'failure', 5, 5, NULL, 7, 'deliveries', 'exhausted', 6, 'att_7', `+at+`, `+later+`)`,
		`INSERT INTO attempts (id, organization_id, delivery_id, number, started_at, duration_ms, outcome, request_headers, response_status, response_headers,
			response_body, response_body_truncated, error_message) VALUES
			('att_1', 'both', 'dlv_1', 1, `+at+`, 42, 'failure', '{"A": "b"}', 500, '{}', 'body', false, 'the receiver answered 500')`,
	)
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	filled := map[string]oldTable{}
	for table, count := range map[string]int{"api_keys": 4, "endpoints": 2, "events": 1, "deliveries": 2, "attempts": 1} {
		columns := columnsOf(t, db, table)
		filled[table] = oldTable{columns, rowsOf(t, db, table, columns)}
		require.Len(t, filled[table].rows, count)
	}
	return filled
}

func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	require.NoError(t, rows.Err())
	return columns
}

// rowsOf returns the given columns of all rows of a table as text, in the order of the rows' IDs.
func rowsOf(t *testing.T, db *sql.DB, table string, columns []string) (texts []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT "+strings.Join(columns, ", ")+" FROM "+table+" ORDER BY id")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		texts = append(texts, fmt.Sprintf("%v", values))
	}
	require.NoError(t, rows.Err())
	return texts
}
