package queue_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

func TestLogToConnectionErrorsAtDebug(t *testing.T) {
	var out bytes.Buffer
	queue.LogTo(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { queue.LogTo(slog.New(slog.DiscardHandler)) })
	client, err := queue.Connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	require.Error(t, client.Ping(t.Context()).Err())
	require.NoError(t, client.Close())
	assert.Contains(t, out.String(), "level=DEBUG")
	assert.Contains(t, out.String(), "redis: ")
}
