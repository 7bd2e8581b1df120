package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

func TestTheMarkerIsGoneWithTheRest(t *testing.T) {
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

	// Emptied while it is rebuilt, it is not intact at the end.
	token, err := enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	require.NoError(t, client.FlushAll(t.Context()).Err())
	require.ErrorIs(t, enqueuer.RenewRebuild(t.Context(), token), queue.ErrRedisEmptied)
	require.ErrorIs(t, enqueuer.MarkIntact(t.Context(), token), queue.ErrRedisEmptied)
	assert.False(t, intact())
	rebuilt()
	assert.EqualValues(t, 1, client.DBSize(t.Context()).Val(), "no token is left")

	// One at a time, and whoever dies at it is followed.
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
	passed := func() { // and nobody has said that he is at it
		t.Helper()
		require.NoError(t, client.Del(t.Context(), "redrive:{deliveries}:rebuilding").Err())
	}
	passed()
	require.NoError(t, enqueuer.RenewRebuild(t.Context(), token), "nobody else has begun meanwhile, and nothing is gone")
	other, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.Empty(t, other, "it is the first one's turn again")
	passed()
	other, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, other)
	require.ErrorIs(t, enqueuer.RenewRebuild(t.Context(), token), queue.ErrRebuildTaken)
	require.ErrorIs(t, enqueuer.AbandonRebuild(t.Context(), token), queue.ErrRebuildTaken)
	require.ErrorIs(t, enqueuer.MarkIntact(t.Context(), token), queue.ErrRebuildTaken)
	require.NoError(t, enqueuer.RenewRebuild(t.Context(), other), "it does not notice any of that")

	// One that is cut short is followed at once.
	require.NoError(t, enqueuer.AbandonRebuild(t.Context(), other))
	assert.False(t, intact())
	token, err = enqueuer.BeginRebuild(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, token)
	passed()
	require.NoError(t, enqueuer.MarkIntact(t.Context(), token), "late, and as good")
	assert.True(t, intact())

	require.NoError(t, server.Kill())
	_, err = enqueuer.Intact(t.Context())
	require.Error(t, err, "away is not empty")
	require.NoError(t, server.Restart(t.Context()))
	assert.False(t, intact(), "restarted without its data")
}
