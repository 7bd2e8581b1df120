package testservers

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTemplateIsPreparedOnceAndCopied(t *testing.T) {
	server, err := StartPostgres(PostgresOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	t.Setenv(databaseURLVariable, server.URL())
	var prepared atomic.Int64
	template := NewTemplate(func(url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), "CREATE TABLE things (id int); INSERT INTO things VALUES (1)")
		return errors.Join(err, conn.Close(t.Context()))
	})
	t.Run("copies", func(t *testing.T) {
		for range 4 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				url := template.Postgres(t)
				execute(t, url, "INSERT INTO things VALUES (2)")
				assert.Equal(t, "2", queryText(t, url, "SELECT count(*)::text FROM things"), "what other copies get is not in this one")
				assert.Equal(t, "UTF8 C", queryText(t, url, "SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()"))
			})
		}
	})
	assert.EqualValues(t, 1, prepared.Load())

	const ours = "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'redrive_test%'"
	assert.Equal(t, "1", queryText(t, server.URL(), ours), "the template is kept for further tests")
	require.NoError(t, template.drop())
	assert.Equal(t, "0", queryText(t, server.URL(), ours))
	t.Run("again", func(t *testing.T) {
		assert.Equal(t, "1", queryText(t, template.Postgres(t), "SELECT count(*)::text FROM things"))
	})
	assert.EqualValues(t, 2, prepared.Load())
	require.NoError(t, template.drop())
}
