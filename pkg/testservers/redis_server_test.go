package testservers

import (
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startRedis(t *testing.T) *RedisServer {
	t.Helper()
	began := time.Now()
	server, err := StartRedis(RedisOptions{})
	require.NoError(t, err)
	t.Logf("started in %s", time.Since(began))
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

func TestRedisServerRestartedIsEmpty(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	address := server.URL()
	for name, end := range map[string]func() error{
		"stop": server.Stop,
		"kill": server.Kill,
		"none": func() error { return nil },
	} {
		require.NoError(t, redisClient(t, address).Set(t.Context(), "key", "value", 0).Err())
		require.NoError(t, end(), name)
		require.NoError(t, end(), "%s twice", name)
		require.NoError(t, server.Restart(t.Context()), name)
		assert.Equal(t, address, server.URL())
		assert.ErrorIs(t, redisClient(t, address).Get(t.Context(), "key").Err(), redis.Nil, name)
	}
}

func TestRedisServerPausedConnectionsBlock(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	client := redisClient(t, server.URL())
	require.NoError(t, client.Set(t.Context(), "key", "value", 0).Err())

	require.NoError(t, server.Pause())
	require.Error(t, client.Ping(soon(t)).Err())
	require.NoError(t, server.Resume())
	assert.Equal(t, "value", redisClient(t, server.URL()).Get(t.Context(), "key").Val())
}

func TestRedisServerSettingsAreApplied(t *testing.T) {
	t.Parallel()
	server, err := StartRedis(RedisOptions{Settings: map[string]string{"maxmemory": "16mb"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	settings, err := redisClient(t, server.URL()).ConfigGet(t.Context(), "max*").Result()
	require.NoError(t, err)
	assert.Equal(t, "16777216", settings["maxmemory"])
	assert.Equal(t, "noeviction", settings["maxmemory-policy"])
}

func TestServerRestartPortTakenFails(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	require.NoError(t, server.Stop())
	thief, err := net.Listen("tcp", address(server.Port()))
	require.NoError(t, err)

	// Another program listens on the port, so the server must not count as started.
	require.ErrorIs(t, server.Restart(t.Context()), errPortTaken)
	assert.Zero(t, server.PID())

	require.NoError(t, thief.Close())
	require.NoError(t, server.Restart(t.Context()))
}

func TestRedisReadyOtherServerFails(t *testing.T) {
	t.Parallel()
	running := startRedis(t)
	assert.ErrorIs(t, redisReady(t.Context(), running.Port(), running.PID()+1), errPortTaken)
}

func TestClosePausedServerStops(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	require.NoError(t, server.Pause())
	require.NoError(t, server.Close())
	assert.NoDirExists(t, server.dir.path)
}
