package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

func TestRebuildOneOwnerUntilIntact(t *testing.T) {
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	client, err := queue.Connect(server.URL())
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	enqueuer := queue.NewEnqueuer(client)
	intact := func() bool {
		t.Helper()
		found, err := enqueuer.Intact(t.Context())
		require.NoError(t, err)
		return found
	}

	rebuilt := func() {
		t.Helper()
		token, err := enqueuer.BeginRebuild(t.Context())
		require.NoError(t, err)
		require.NoError(t, enqueuer.MarkIntact(t.Context(), token))
	}

	assert.False(t, intact(), "a new Redis")
	rebuilt()
	assert.True(t, intact())
	require.NoError(t, client.FlushAll(t.Context()).Err())
	assert.False(t, intact(), "flushed")

	// A queue that was emptied during its rebuild is not intact.
	token, err := enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	require.NoError(t, client.FlushAll(t.Context()).Err())
	require.ErrorIs(t, enqueuer.RenewRebuild(t.Context(), token), queue.ErrRedisEmptied)
	require.ErrorIs(t, enqueuer.MarkIntact(t.Context(), token), queue.ErrRedisEmptied)
	assert.False(t, intact())
	rebuilt()
	assert.EqualValues(t, 1, client.DBSize(t.Context()).Val(), "no token is left")

	// One process rebuilds at a time. When its lease expires, another may begin.
	require.NoError(t, client.FlushAll(t.Context()).Err())
	token, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	other, err := enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.Empty(t, other)
	require.NoError(t, enqueuer.RenewRebuild(t.Context(), token))
	left, err := client.PTTL(t.Context(), "redrive:{deliveries}:rebuilding").Result()
	require.NoError(t, err)
	assert.Greater(t, left, 4*time.Second)
	expire := func() { // the lease of the rebuild
		t.Helper()
		require.NoError(t, client.Del(t.Context(), "redrive:{deliveries}:rebuilding").Err())
	}
	expire()
	require.NoError(t, enqueuer.RenewRebuild(t.Context(), token), "no other process has begun a rebuild")
	other, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.Empty(t, other, "the first process holds the lease again")
	expire()
	other, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, other)
	require.ErrorIs(t, enqueuer.RenewRebuild(t.Context(), token), queue.ErrRebuildTaken)
	require.ErrorIs(t, enqueuer.AbandonRebuild(t.Context(), token), queue.ErrRebuildTaken)
	require.ErrorIs(t, enqueuer.MarkIntact(t.Context(), token), queue.ErrRebuildTaken)
	require.NoError(t, enqueuer.RenewRebuild(t.Context(), other), "the calls of the other process change nothing")

	// An abandoned rebuild can be followed at once.
	require.NoError(t, enqueuer.AbandonRebuild(t.Context(), other))
	assert.False(t, intact())
	token, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, token)
	expire()
	require.NoError(t, enqueuer.MarkIntact(t.Context(), token), "the lease expired, but no other process has begun")
	assert.True(t, intact())

	require.NoError(t, server.Kill())
	_, err = enqueuer.Intact(t.Context())
	require.Error(t, err, "an unavailable Redis is not an empty one")
	require.NoError(t, server.Restart(t.Context()))
	assert.False(t, intact(), "restarted without its data")
}
