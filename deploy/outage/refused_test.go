package outage_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// database is a fresh database of a server that all tests of a run share, with a role that needs its password.
type database struct {
	t     *testing.T
	admin *pgx.Conn
	url   string
}

// passwordServer starts a server that requires a password from every role except its superuser.
func passwordServer(t *testing.T) *testservers.PostgresServer {
	t.Helper()
	server, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	d := &database{t: t, admin: connect(t, server.URL())}
	var file string
	require.NoError(t, d.admin.QueryRow(t.Context(), "SHOW hba_file").Scan(&file))
	d.exec(fmt.Sprintf(`COPY (SELECT unnest(ARRAY['host all postgres 127.0.0.1/32 trust', 'host all all 127.0.0.1/32 scram-sha-256'])) TO '%s'`, file))
	d.exec("SELECT pg_reload_conf()")
	return server
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

func newDatabase(t *testing.T, server *testservers.PostgresServer) *database {
	t.Helper()
	d := &database{t: t, admin: connect(t, server.URL())}
	d.exec("CREATE ROLE service LOGIN PASSWORD 'right'")
	d.exec("CREATE DATABASE app OWNER service")
	t.Cleanup(func() {
		for _, statement := range []string{"DROP DATABASE app WITH (FORCE)", "DROP ROLE service"} {
			_, err := d.admin.Exec(context.Background(), statement)
			assert.NoError(t, err)
		}
	})
	location, err := url.Parse(server.URL())
	require.NoError(t, err)
	location.User, location.Path = url.UserPassword("service", "right"), "/app"
	d.url = location.String()
	return d
}

func (d *database) exec(statement string) {
	d.t.Helper()
	_, err := d.admin.Exec(d.t.Context(), statement)
	require.NoError(d.t, err, statement)
}

// disconnect ends all connections of the services.
func (d *database) disconnect() {
	d.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('app', 'moved')")
}

// While PostgreSQL refuses connections, for whatever reason, it counts as unavailable. Callers get 503, and nothing is sent. The outcomes
// of attempts in flight are recorded when it accepts connections, so that no webhook is sent twice.
func TestRefusedConnectionsKeepOutcomes(t *testing.T) {
	t.Parallel()
	const inFlight = 10
	server := passwordServer(t)
	for name, c := range map[string]struct{ refuse, accept string }{
		"wrong password":          {"ALTER ROLE service PASSWORD 'other'", "ALTER ROLE service PASSWORD 'right'"},
		"password has expired":    {"ALTER ROLE service VALID UNTIL '2001-01-01'", "ALTER ROLE service VALID UNTIL 'infinity'"},
		"no login":                {"ALTER ROLE service NOLOGIN", "ALTER ROLE service LOGIN"},
		"too many connections":    {"ALTER ROLE service CONNECTION LIMIT 0", "ALTER ROLE service CONNECTION LIMIT -1"},
		"connections disallowed":  {"ALTER DATABASE app ALLOW_CONNECTIONS false", "ALTER DATABASE app ALLOW_CONNECTIONS true"},
		"no privilege to connect": {"REVOKE CONNECT ON DATABASE app FROM PUBLIC, service", "GRANT CONNECT ON DATABASE app TO service"},
		"database renamed":        {"ALTER DATABASE app RENAME TO moved", "ALTER DATABASE moved RENAME TO app"},
		"role renamed":            {"ALTER ROLE service RENAME TO other", "ALTER ROLE other RENAME TO service; ALTER ROLE service PASSWORD 'right'"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t, server)
			s := start(t, d.url)
			s.endpoint()
			release := s.receiver.hold()
			for range inFlight {
				s.publish()
			}
			require.Eventually(t, func() bool { return len(s.receiver.requests()) == inFlight }, soon, poll)

			if name == "database renamed" { // this waits until no client is connected
				d.exec("ALTER DATABASE app ALLOW_CONNECTIONS false")
				d.disconnect()
				require.Eventually(t, func() bool {
					_, err := d.admin.Exec(t.Context(), c.refuse)
					return err == nil
				}, soon, poll)
				c.accept += "; ALTER DATABASE app ALLOW_CONNECTIONS true"
			} else {
				d.exec(c.refuse)
			}
			d.disconnect()
			release()
			require.Eventually(t, func() bool {
				return len(s.log.Records("attempt not recorded yet: recording is retried")) >= inFlight && s.away()
			}, soon, poll)
			for _, route := range []string{"/deliveries", ""} {
				status, header, _ := s.call(http.MethodGet, route, nil)
				assert.Equal(t, http.StatusServiceUnavailable, status)
				assert.NotEmpty(t, header.Get("Retry-After"))
			}
			status, header, _ := s.call(http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": map[string]any{}})
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.NotEmpty(t, header.Get("Retry-After"))
			assert.True(t, s.away())

			d.exec(c.accept)
			require.Eventually(t, func() bool { return s.statuses()["success"] == inFlight && !s.away() }, soon, poll)
			for id, times := range s.receiver.requests() {
				assert.Equal(t, 1, times, id)
			}
		})
	}
}
