package app_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/app"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// An outage of Redis has one log line when it begins and one when it ends, whichever parts of the dispatcher use Redis meanwhile.
func TestRedisOutageHasTwoLines(t *testing.T) {
	t.Parallel()
	cache, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	b := newBench(t, testservers.Postgres(t), cache.URL())
	b.migrate()
	var log testlog.Buffer
	options := b.options()
	options.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	service, err := app.New(options)
	require.NoError(t, err)
	require.NoError(t, service.Start(t.Context()))
	t.Cleanup(func() { stop(t, service) })
	becomes(t, service, 200, `"status":"ok"`)

	require.NoError(t, cache.Stop())
	becomes(t, service, 200, "degraded")
	d := b.publish(webhook.Now().Add(-time.Hour))
	require.Eventually(t, func() bool { return log.Count("level=DEBUG") >= 5 }, safetyLimit, 10*time.Millisecond, "asynq fails meanwhile")
	require.NoError(t, cache.Restart(t.Context()))
	b.arrives(d)
	require.Eventually(t, func() bool { return log.Count(`msg="redis available again"`) == 1 }, safetyLimit, 10*time.Millisecond)

	assert.Equal(t, 1, log.Count("level=WARN"), log.String())
	assert.Equal(t, 1, log.Count(`level=WARN msg="redis unavailable"`))
	assert.Zero(t, log.Count("level=ERROR"), log.String())
}
