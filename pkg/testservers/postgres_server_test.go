package testservers

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startPostgres(t *testing.T) *PostgresServer {
	t.Helper()
	began := time.Now()
	server, err := StartPostgres(PostgresOptions{})
	require.NoError(t, err)
	t.Logf("started in %s", time.Since(began))
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

func TestPostgresServerCommitsSurviveEveryStop(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	execute(t, server.URL(), "CREATE TABLE things (id text)")
	address := server.URL()

	for name, end := range map[string]func() error{
		"stop":      server.Stop,
		"kill":      server.Kill,
		"immediate": server.Immediate,
		"none":      func() error { return nil },
	} {
		execute(t, address, "INSERT INTO things VALUES ('"+name+"')")
		require.NoError(t, end(), name)
		if name != "none" {
			assert.Zero(t, server.PID(), name)
		}
		require.NoError(t, end(), "%s twice", name)
		began := time.Now()
		require.NoError(t, server.Restart(t.Context()), name)
		t.Logf("restarted after %s in %s", name, time.Since(began))
		assert.Equal(t, address, server.URL())
		assert.NotZero(t, server.PID())
		assert.Equal(t, "1", queryText(t, address, "SELECT count(*)::text FROM things WHERE id = $1", name))
	}
}

func TestPostgresServerKilledBackendsStop(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	conn := connect(t, server.URL())
	busy := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), "SELECT count(*) FROM generate_series(1, 1000000000)")
		busy <- err
	}()
	require.Eventually(t, func() bool {
		return queryText(t, server.URL(), "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%generate_series(1, 1%' AND pid <> pg_backend_pid()") == "1"
	}, time.Minute, 10*time.Millisecond)
	family, err := descendants(server.PID())
	require.NoError(t, err)
	require.NotEmpty(t, family)

	require.NoError(t, server.Kill())
	require.Error(t, <-busy)
	for _, pid := range family {
		assert.False(t, alive(pid), "process %d", pid)
	}
}

func TestPostgresServerPausedConnectionsBlock(t *testing.T) {
	t.Parallel()
	server := startPostgres(t)
	conn := connect(t, server.URL())

	require.NoError(t, server.Pause())
	require.NoError(t, server.Pause(), "twice")
	_, err := conn.Exec(soon(t), "SELECT 1")
	require.Error(t, err, "a backend answered")

	require.NoError(t, server.Resume())
	assert.Equal(t, "1", queryText(t, server.URL(), "SELECT 1::text"))

	require.NoError(t, server.Pause())
	stopped := server.process
	require.NoError(t, server.Stop(), "a paused server")
	require.NoError(t, stopped.err, "it was not killed")
	require.ErrorIs(t, server.Pause(), errNotRunning)
	require.ErrorIs(t, server.Resume(), errNotRunning)
}

func TestPostgresServerSeveralRunAtOnce(t *testing.T) {
	t.Parallel()
	first, second := startPostgres(t), startPostgres(t)
	require.NotEqual(t, first.URL(), second.URL())
	require.NoError(t, first.Kill())
	assert.Equal(t, "1", queryText(t, second.URL(), "SELECT 1::text"))
}

func TestPostgresServerClosedLeavesNoFiles(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*PostgresServer) error{
		"running": func(*PostgresServer) error { return nil },
		"stopped": func(s *PostgresServer) error { return s.Stop() },
		"killed":  func(s *PostgresServer) error { return s.Kill() },
		"paused":  func(s *PostgresServer) error { return s.Pause() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := StartPostgres(PostgresOptions{})
			require.NoError(t, err)
			segment, err := sharedMemoryID(filepath.Join(server.dir.data(), "postmaster.pid"))
			require.NoError(t, err)
			family, err := descendants(server.PID())
			require.NoError(t, err)
			family = append(family, server.PID())

			require.NoError(t, before(server))
			require.NoError(t, server.Close())
			require.NoError(t, server.Close(), "twice")

			assert.NoDirExists(t, server.dir.path)
			require.NoError(t, waitGone(family, time.Second))
			assert.False(t, segmentExists(segment))
			require.ErrorIs(t, server.Restart(t.Context()), os.ErrClosed)
		})
	}
}

func TestPostgresServerFailureReportsLog(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(PostgresOptions{Settings: map[string]string{"no_such_setting": "1"}})
	require.ErrorContains(t, err, `unrecognized configuration parameter "no_such_setting"`)
}
