package outage_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// The connections of both services to Redis die silently. The first commands find out, by a timeout of 1.5 s that closes the other
// connections. No later command uses a dead connection. Every call succeeds, no delivery is left to the reconciler, and every webhook is
// sent once.
func TestSilentRedisConnectionsDelayFirstCallsOnly(t *testing.T) {
	t.Parallel()
	const calls = 8
	url := testservers.Redis(t)
	toAPI, apiURL := testservers.ThroughProxy(t, url)
	toDispatcher, dispatcherURL := testservers.ThroughProxy(t, url)
	s := startApart(t, places{apiDatabase: testservers.Postgres(t), apiRedis: apiURL, dispatcherRedis: dispatcherURL})
	s.endpoint()
	published := 0
	concurrently := func() {
		var publishing sync.WaitGroup
		for range calls {
			publishing.Go(s.publish)
		}
		publishing.Wait()
		published += calls
		require.Eventually(t, func() bool { return s.statuses()["success"] == published }, soon, poll)
	}
	concurrently()

	toAPI.Silence()
	toDispatcher.Silence()
	concurrently()
	asked, askedByDispatcher := toAPI.AskedSilent(), toDispatcher.AskedSilent()
	assert.Positive(t, asked, "the connections were dead")
	assert.Positive(t, askedByDispatcher, "the connections were dead")
	assert.Equal(t, "0", gauge(t, s.api.OpsAddr(), "redrive_enqueue_failures_total"), "left to the reconciler")

	concurrently()
	assert.Equal(t, asked, toAPI.AskedSilent(), "a later call used a dead connection")
	assert.Equal(t, askedByDispatcher, toDispatcher.AskedSilent(), "a later delivery used a dead connection")
	assert.Len(t, s.receiver.requests(), published)
	for id, times := range s.receiver.requests() {
		assert.Equal(t, 1, times, id)
	}
}
