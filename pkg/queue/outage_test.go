package queue_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testlog"
)

// An outage logs one line at its beginning and one at its end. A quiet logger lowers other lines to debug meanwhile.
func TestOutageLogsBeginAndEnd(t *testing.T) {
	t.Parallel()
	server := startRedis(t, nil)
	b := newBench(t, server.URL())
	var written testlog.Buffer
	log := slog.New(slog.NewTextHandler(&written, nil))
	outage := queue.NewOutage(b.Redis, log, prometheus.NewRegistry())
	quiet := outage.Quiet(log).With("part", "asynq")
	require.NoError(t, queue.Probe(t.Context(), b.Redis))
	require.False(t, outage.Active())

	require.NoError(t, server.Stop())
	for range 50 {
		require.Error(t, queue.Probe(t.Context(), b.Redis))
		_, err := b.LookUp(t.Context(), []queue.Item{queuetest.NewItem()}, nil)
		require.Error(t, err)
		quiet.Error("could not enqueue")
	}
	require.True(t, outage.Active())
	require.NoError(t, server.Restart(t.Context()))
	require.Eventually(t, func() bool {
		return queue.Probe(t.Context(), b.Redis) == nil && !outage.Active()
	}, soon, 10*time.Millisecond)
	quiet.Error("after it")

	lines := written.Lines()
	require.Len(t, lines, 3, "%v", lines)
	assert.Contains(t, lines[0], `level=WARN msg="redis unavailable"`)
	assert.Contains(t, lines[1], `level=INFO msg="redis available again"`)
	assert.Contains(t, lines[2], `level=ERROR msg="after it" part=asynq`)
}
