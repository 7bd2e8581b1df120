package testservers

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPostgresDatabaseIsIsolated(t *testing.T) {
	t.Parallel()
	first, second := Postgres(t), Postgres(t)
	require.NotEqual(t, first, second)

	execute(t, first, "CREATE TABLE things (id int)", "INSERT INTO things VALUES (1)")
	const tables = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"
	assert.Equal(t, "1", queryText(t, first, tables))
	assert.Equal(t, "0", queryText(t, second, tables))
	assert.Equal(t, "UTF8", queryText(t, second, "SHOW server_encoding"))
}

func TestPostgresParallelTestsGetOwnDatabases(t *testing.T) {
	t.Parallel()
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			execute(t, Postgres(t), "CREATE TABLE things (id int)")
		})
	}
}

func TestPostgresDatabaseInUseIsDropped(t *testing.T) {
	t.Parallel()
	outer := t
	var name string
	t.Run("user", func(t *testing.T) {
		address := Postgres(t)
		location, err := url.Parse(address)
		require.NoError(t, err)
		name = strings.TrimPrefix(location.Path, "/")
		conn := connect(outer, address) // open until the outer test ends, so also during the drop
		require.NoError(t, conn.Ping(t.Context()))
	})
	left := queryText(t, Postgres(t), "SELECT count(*)::text FROM pg_database WHERE datname = $1", name)
	assert.Equal(t, "0", left)
}

func TestPostgresGivenServerIsUsed(t *testing.T) {
	server, err := StartPostgres(PostgresOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	t.Setenv(databaseURLVariable, server.URL()+"&application_name=given")

	t.Run("user", func(t *testing.T) {
		address := Postgres(t)
		assert.Equal(t, fmt.Sprint(server.Port()), queryText(t, address, "SHOW port"))
		assert.Equal(t, "given", queryText(t, address, "SHOW application_name"), "options of the URL are kept")
	})
	databases := queryText(t, server.URL(), "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")
	assert.Equal(t, "postgres template0 template1", databases)
}

func TestCreateDatabaseErrorHidesPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"mysql://u:hunter2@localhost/db", "postgres://u:hunter2@local host/db", "://hunter2"} {
		_, err := createDatabase(address, emptyTemplate)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
