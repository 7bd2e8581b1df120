package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// All processes get the same name for a database. Another database has another name.
func TestInstallationUniquePerDatabase(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	name := func(url string) string {
		text, err := storetest.OpenPostgres(t, url).Installation(t.Context())
		require.NoError(t, err)
		require.Len(t, text, 16)
		return text
	}
	assert.Equal(t, name(url), name(url))
	assert.NotEqual(t, name(url), name(testservers.Postgres(t)))

	closed := storetest.OpenPostgres(t, "postgres://nobody@127.0.0.1:1/none?sslmode=disable")
	_, err := closed.Installation(t.Context())
	assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err), "%v", err)
}
