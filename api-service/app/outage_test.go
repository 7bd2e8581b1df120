package app_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// An outage of Redis logs one line at its start and one at its end, regardless of the number of events.
func TestRedisOutageLogsTwoLines(t *testing.T) {
	t.Parallel()
	memory, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, memory.Close()) })
	s := storetest.NewPostgres(t)
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	var log testlog.Buffer
	o := options(s, openRedis(t, memory.URL()))
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := publisher{t: t, store: s, service: started(t, o), key: newKey(t, s), endpoint: endpoint}
	becomes(t, p.service, 200, "ok")

	require.NoError(t, memory.Stop())
	becomes(t, p.service, 200, "degraded")
	for range 5 {
		require.NoError(t, p.accepted(eventsPath, anEvent))
	}
	require.NoError(t, memory.Restart(t.Context()))
	require.Eventually(t, func() bool {
		_, word := ready(t, p.service)
		return word == "ok" && log.Count(`msg="redis available again"`) == 1
	}, safetyLimit, 10*time.Millisecond, "the log: %s", &log)

	assert.Equal(t, 1, log.Count("level=WARN"), log.String())
	assert.Equal(t, 1, log.Count(`level=WARN msg="redis unavailable"`))
	assert.Zero(t, log.Count("level=ERROR"), log.String())
}
