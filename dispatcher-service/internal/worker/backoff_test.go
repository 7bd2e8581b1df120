package worker_test

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// A read-only Redis refuses to dequeue tasks. The servers back off, and dequeue again when Redis accepts commands.
func TestReadOnlyRedisIsPolledSlowly(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	b := newBench(t, server.URL())
	b.pool(4, done)
	b.WaitUntilRemoved(b.enqueue())
	require.NoError(t, b.Redis.SlaveOf(t.Context(), "127.0.0.1", "1").Err())

	before, begin := b.refused(), time.Now()
	const some = 12
	require.Eventually(t, func() bool { return b.refused() >= before+some }, soon, 5*time.Millisecond, "it is asked again")
	perSecond := float64(b.refused()-before) / time.Since(begin).Seconds()
	assert.Less(t, perSecond, 100.0, "two servers, four times a second each, and what else asynq asks")

	require.NoError(t, b.Redis.SlaveOf(t.Context(), "no", "one").Err())
	b.WaitUntilRemoved(b.enqueue())
}

// To take a task and to acknowledge it needs no memory.
func TestFullRedisGivesItsTasks(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	b := newBench(t, server.URL())
	id := b.enqueue()
	require.NoError(t, b.Redis.ConfigSet(t.Context(), "maxmemory", "1").Err())
	b.pool(4, done)
	b.WaitUntilRemoved(id)
}

var failedCalls = regexp.MustCompile(`cmdstat_evalsha:.*failed_calls=(\d+)`)

// refused returns the number of scripts that Redis has refused.
func (b bench) refused() int {
	b.t.Helper()
	stats, err := b.Redis.Info(b.t.Context(), "commandstats").Result()
	require.NoError(b.t, err)
	found := failedCalls.FindStringSubmatch(stats)
	require.NotNil(b.t, found, "in %s", stats)
	count, err := strconv.Atoi(found[1])
	require.NoError(b.t, err)
	return count
}
