package queue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

// Probe fails on a Redis that answers PING but refuses writes.
func TestProbeReadOnlyRedisFails(t *testing.T) {
	t.Parallel()
	server := startRedis(t, nil)
	b := newBench(t, server.URL())
	require.NoError(t, queue.Probe(t.Context(), b.Redis))
	left, err := b.Redis.TTL(t.Context(), "redrive:{deliveries}:probe").Result()
	require.NoError(t, err)
	assert.Positive(t, left, "it is not left behind")

	for name, states := range map[string]struct{ broken, mended []any }{
		"full":    {[]any{"CONFIG", "SET", "maxmemory", "1"}, []any{"CONFIG", "SET", "maxmemory", "0"}},
		"demoted": {[]any{"REPLICAOF", "127.0.0.1", "1"}, []any{"REPLICAOF", "NO", "ONE"}},
	} {
		require.NoError(t, b.Redis.Do(t.Context(), states.broken...).Err(), name)
		require.NoError(t, b.Redis.Ping(t.Context()).Err(), name)
		require.Error(t, queue.Probe(t.Context(), b.Redis), name)
		require.NoError(t, b.Redis.Do(t.Context(), states.mended...).Err(), name)
		require.NoError(t, queue.Probe(t.Context(), b.Redis), name)
	}
}
