package queue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestCheckPaused(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	require.NoError(t, b.RegisterQueues(t.Context(), webhook.QueueDeliveries))
	for range 2 {
		require.NoError(t, b.CheckPaused(t.Context(), webhook.QueueDeliveries))
		require.NoError(t, b.Inspector.PauseQueue(webhook.QueueDeliveries))
		require.ErrorIs(t, b.CheckPaused(t.Context(), webhook.QueueDeliveries), queue.ErrPaused)
		require.NoError(t, b.Inspector.UnpauseQueue(webhook.QueueDeliveries))
	}
}

// Each installation gets the other's name until its registration expires.
func TestRegisterInstallationReturnsOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	register := func(installation string) []string {
		others, err := b.RegisterInstallation(t.Context(), installation)
		require.NoError(t, err)
		return others
	}
	assert.Empty(t, register("a"))
	assert.Empty(t, register("a"), "another process of the same installation")
	assert.Equal(t, []string{"a"}, register("b"))
	assert.Equal(t, []string{"b"}, register("a"))

	const key = "redrive:{deliveries}:installations"
	require.NoError(t, b.Redis.ZIncrBy(t.Context(), key, -61, "b").Err())
	assert.Empty(t, register("a"), "the other's registration has expired")
	assert.Positive(t, b.Redis.TTL(t.Context(), key).Val())
	require.NoError(t, b.Redis.Del(t.Context(), key).Err())
	assert.Empty(t, register("b"), "Redis was emptied")
}
