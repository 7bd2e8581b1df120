package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without a busy timeout, a writer that meets the lock of another connection fails at once.
func openWithoutBusyTimeout(t *testing.T) pools {
	t.Helper()
	opened, err := openPools(strings.Replace(dsn(filepath.Join(t.TempDir(), "pools.db")), "30000", "0", 1))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	_, err = opened.ExecContext(t.Context(), "CREATE TABLE counters (n integer)")
	require.NoError(t, err)
	return opened
}

func count(t *testing.T, opened pools) (rows int) {
	t.Helper()
	require.NoError(t, opened.QueryRowContext(t.Context(), "SELECT count(*) FROM counters").Scan(&rows))
	return rows
}

func TestWritersWaitForOneAnother(t *testing.T) {
	opened := openWithoutBusyTimeout(t)
	const writers = 50
	failures := make(chan error, writers)
	for n := range writers {
		go func() {
			failures <- func() error {
				if n%2 == 0 {
					_, err := opened.ExecContext(t.Context(), "INSERT INTO counters VALUES (?)", n)
					return err
				}
				tx, err := opened.BeginTx(t.Context(), nil)
				if err != nil {
					return err
				}
				_, err = tx.ExecContext(t.Context(), "INSERT INTO counters VALUES (?)", n)
				if err != nil {
					return err
				}
				return tx.Commit()
			}()
		}()
	}
	for range writers {
		assert.NoError(t, <-failures)
	}
	assert.Equal(t, writers, count(t, opened))
}

func TestReadsDoNotWaitForWriters(t *testing.T) {
	opened := openWithoutBusyTimeout(t)
	tx, err := opened.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO counters VALUES (1)")
	require.NoError(t, err)
	assert.Equal(t, 0, count(t, opened), "a read sees what is committed")
	require.NoError(t, tx.Commit())
	assert.Equal(t, 1, count(t, opened))
}

func TestConnectionsOfStatements(t *testing.T) {
	opened := pools{read: new(sql.DB), write: new(sql.DB)}
	for query, want := range map[string]*sql.DB{
		"SELECT updated_at, deleted_at FROM endpoints": opened.read,
		"\n\tselect 1": opened.read,
		"WITH RECURSIVE lanes AS (SELECT 1) SELECT * FROM lanes":      opened.read,
		"INSERT INTO events (id) VALUES (?) RETURNING id":             opened.write,
		"WITH d AS (SELECT 1) UPDATE deliveries SET id = 1 RETURNING": opened.write,
		"DELETE FROM events RETURNING id":                             opened.write,
	} {
		assert.Same(t, want, opened.of(query), query)
	}
}
