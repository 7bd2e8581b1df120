package app_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

// The service starts without its servers, reports its state, and recovers when they are available.
func TestStartServersUnavailableThenRecovers(t *testing.T) {
	database, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, database.Close()) })
	memory, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, memory.Close()) })
	s := storetest.OpenPostgres(t, database.URL())
	_, err = s.Migrate(t.Context())
	require.NoError(t, err)
	key := newKey(t, s)
	require.NoError(t, database.Stop())
	require.NoError(t, memory.Stop())

	service := started(t, options(s, openRedis(t, memory.URL())))
	assert.Equal(t, 503, list(t, service, key))
	becomes(t, service, 503, "unavailable")

	require.NoError(t, database.Restart(t.Context()))
	assert.Equal(t, 200, list(t, service, key))
	becomes(t, service, 200, "degraded") // without Redis, requests are still accepted
	conn, reader := beginPublishing(t, service, key)
	_, err = conn.Write([]byte(event))
	require.NoError(t, err)
	status, _ := readResponse(t, reader)
	assert.Equal(t, 200, status)

	require.NoError(t, memory.Restart(t.Context()))
	becomes(t, service, 200, "ok") // the client reconnects on its own
}
