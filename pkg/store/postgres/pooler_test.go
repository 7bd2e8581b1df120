package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

const (
	// describing is the parameter that the documentation names.
	describing = "&default_query_exec_mode=cache_describe"
	// poolSize is less than the connections of a store, so that they share those of the pooler.
	poolSize = 3
	// patience bounds a wait for a signal. No assertion depends on it.
	patience, tick = time.Minute, 10 * time.Millisecond
)

// throughPooler returns a migrated database's URL and the one through a PgBouncer before it.
func throughPooler(t *testing.T, mode string) (direct, url string, pooler *testservers.PgBouncer) {
	t.Helper()
	direct = storetest.MigratedPostgres(t)
	pooler, err := testservers.StartPgBouncer(testservers.PgBouncerOptions{
		Database: direct, Settings: map[string]string{"pool_mode": mode, "default_pool_size": fmt.Sprint(poolSize)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pooler.Close()) })
	return direct, pooler.URL(), pooler
}

func TestConformanceThroughTransactionPooler(t *testing.T) {
	storetest.RunMigrated(t, func(t *testing.T) *store.Store {
		_, url, _ := throughPooler(t, "transaction")
		return storetest.OpenPostgres(t, url+describing)
	})
}

func TestPoolerSettings(t *testing.T) {
	t.Parallel()
	const parameter = "default_query_exec_mode=cache_describe"
	for name, c := range map[string]struct{ mode, parameters, refused string }{
		"transaction pooling, default":                  {"transaction", "", parameter},
		"transaction pooling, cache_statement":          {"transaction", "&default_query_exec_mode=cache_statement", parameter},
		"transaction pooling, describe_exec":            {"transaction", "&default_query_exec_mode=describe_exec", parameter},
		"transaction pooling, the documented parameter": {"transaction", describing, ""},
		"session pooling, default":                      {"session", "", parameter},
		"session pooling, the documented parameter":     {"session", describing, ""},
		"statement pooling, default":                    {"statement", "", parameter},
		"statement pooling, the documented parameter":   {"statement", describing, "pool_mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, url, _ := throughPooler(t, c.mode)
			opened := storetest.OpenPostgres(t, url+c.parameters)
			for range poolSize + 1 { // a connection that is refused takes no place in the pooler
				err := opened.CheckSchema(t.Context())
				if c.refused == "" {
					require.NoError(t, err)
					continue
				}
				require.ErrorContains(t, err, c.refused)
				assert.NotEqual(t, webhook.CodeUnavailable, webhook.CodeOf(err), "a start ends with it")
			}
			_, err := opened.Migrate(t.Context())
			require.ErrorContains(t, err, "PostgreSQL itself")
			assert.NotEqual(t, webhook.CodeUnavailable, webhook.CodeOf(err))
		})
	}
}

// A pooler that is put in front of PostgreSQL while a service runs, and needs another parameter, makes the database unavailable until it is
// removed: callers get 503, and outcomes are kept. The error names the parameter.
func TestPoolerInsertedWhileRunningIsUnavailable(t *testing.T) {
	t.Parallel()
	direct, pooled, _ := throughPooler(t, "transaction")
	proxy, url := testservers.ThroughProxy(t, direct)
	opened := storetest.OpenPostgres(t, url)
	require.NoError(t, opened.CheckSchema(t.Context()))
	proxy.LeadTo(t, pooled)
	require.Eventually(t, func() bool { // a call can still meet the connection that broke
		_, err := opened.ListAPIKeys(t.Context(), "")
		return err != nil && strings.Contains(err.Error(), "default_query_exec_mode=cache_describe")
	}, patience, tick)
	for range poolSize {
		_, err := opened.ListAPIKeys(t.Context(), "")
		require.ErrorContains(t, err, "default_query_exec_mode=cache_describe")
		assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
	}
	proxy.LeadTo(t, direct)
	work(t, opened)
}

// Other clients use the connections of a pooler too.
func TestPoolerConnectionsKeepNoState(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"transaction", "session"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			direct, url, _ := throughPooler(t, mode)
			opened, err := postgres.Open(postgres.Options{URL: url + describing, MaxConnections: poolSize}, storetest.Sealer(t))
			require.NoError(t, err)
			t.Run("work", func(t *testing.T) { // it ends when all do
				for range poolSize {
					t.Run("at once", func(t *testing.T) {
						t.Parallel()
						work(t, opened)
					})
				}
			})
			require.NoError(t, opened.Close())

			var advisory int
			require.NoError(t, query(t, direct, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "+
				"(SELECT oid FROM pg_database WHERE datname = current_database())", &advisory))
			assert.Zero(t, advisory)
			processes := map[string]bool{}
			for range poolSize { // each holds a connection of its own until the end
				other := neighbour(t, url)
				for setting, want := range map[string]string{
					"enable_seqscan": "on", "enable_hashjoin": "on", "enable_mergejoin": "on",
					"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
				} {
					assert.Equal(t, want, ask(t, other, "SHOW "+setting), setting)
				}
				assert.Equal(t, "0", ask(t, other, "SELECT count(*) FROM pg_prepared_statements"))
				assert.Equal(t, "0", ask(t, other, "SELECT count(*) FROM pg_cursors WHERE name <> ''"))
				processes[ask(t, other, "SELECT pg_backend_pid()")] = true
			}
			assert.Len(t, processes, poolSize)
		})
	}
}

// The settings of a role apply to the connections of a pooler. The plans then equal those of a direct connection.
func TestPlansThroughPoolerUseIndexes(t *testing.T) {
	t.Parallel()
	direct, url, pooler := throughPooler(t, "transaction")
	admin, err := pgx.Connect(t.Context(), direct)
	require.NoError(t, err)
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	var role, database string
	require.NoError(t, admin.QueryRow(t.Context(), "SELECT current_user, current_database()").Scan(&role, &database))
	for _, setting := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		_, err := admin.Exec(t.Context(), fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET %s = off", role, database, setting))
		require.NoError(t, err)
	}
	opened, err := postgres.Open(postgres.Options{URL: url + describing, MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	work(t, opened)
	require.NoError(t, opened.Close())
	require.NoError(t, pooler.Close()) // and with that its connections report what they have counted
	assert.Eventually(t, func() bool {
		return ask(t, admin, "SELECT sum(n_tup_ins) > 0 FROM pg_stat_user_tables WHERE relname = 'attempts'") == "t"
	}, patience, tick)
	assert.Empty(t, readAsAWhole(t, direct))
}

// neighbour opens another client with a transaction, which ends with the test.
func neighbour(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	other, err := pgx.Connect(t.Context(), url+"&default_query_exec_mode=simple_protocol")
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close(context.Background()) })
	_, err = other.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	return other
}

// ask returns the only value of the result as text.
func ask(t *testing.T, conn *pgx.Conn, statement string) string {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), statement).ReadAll()
	require.NoError(t, err, statement)
	require.Len(t, results, 1)
	require.Len(t, results[0].Rows, 1, statement)
	return strings.TrimSpace(string(results[0].Rows[0][0]))
}
