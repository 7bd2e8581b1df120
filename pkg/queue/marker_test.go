package queue_test

import (
	"testing"

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
	require.ErrorIs(t, enqueuer.MarkIntact(t.Context(), token), queue.ErrEmptiedAgain)
	assert.False(t, intact())
	rebuilt()
	assert.EqualValues(t, 1, client.DBSize(t.Context()).Val(), "no token is left")

	require.NoError(t, server.Kill())
	_, err = enqueuer.Intact(t.Context())
	require.Error(t, err, "away is not empty")
	require.NoError(t, server.Restart(t.Context()))
	assert.False(t, intact(), "restarted without its data")
}
