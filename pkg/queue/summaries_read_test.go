package queue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

func TestReadSummariesOfEveryDispatcher(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	reader := queue.NewSummaryReader(b.Redis)
	none, err := reader.ReadSummaries(t.Context())
	require.NoError(t, err)
	assert.Empty(t, none)

	first, second := queue.NewSummaries(b.Redis), queue.NewSummaries(b.Redis)
	full := summaryOf(3)
	full.Dispatcher.Host, full.Dispatcher.Workers, full.Dispatcher.Lag = "host-1", 200, 40*time.Millisecond
	full.Dispatcher.OmittedAttempts = 7
	full.Attempts["dlv_b"] = time.Unix(190, 0).UTC()
	require.NoError(t, first.Publish(t.Context(), full))
	require.NoError(t, second.Publish(t.Context(), queue.Summary{Dispatcher: queue.DispatcherState{Stopping: true}}))
	found, err := reader.ReadSummaries(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 2)
	slices.SortFunc(found, func(x, y queue.NamedSummary) int { return y.InFlight - x.InFlight })
	assert.NotEmpty(t, found[0].Name)
	assert.NotEqual(t, found[0].Name, found[1].Name)
	assert.Equal(t, queue.NamedSummary{Name: found[0].Name, Dispatcher: full.Dispatcher, Endpoints: full.Endpoints, InFlight: 9}, found[0])
	assert.Equal(t, queue.DispatcherState{Stopping: true}, found[1].Dispatcher)

	require.NoError(t, first.Remove(t.Context()))
	require.NoError(t, b.Redis.Del(t.Context(), "redrive:{deliveries}:summary:"+found[1].Name).Err()) // as its expiry does
	found, err = reader.ReadSummaries(t.Context())
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestReadSummariesDamagedIsAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	require.NoError(t, queue.NewSummaries(b.Redis).Publish(t.Context(), summaryOf(1)))
	key := b.Redis.Keys(t.Context(), "redrive:{deliveries}:summary:*").Val()[0]
	require.NoError(t, b.Redis.HSet(t.Context(), key, "endpoint:ep_a", "{").Err())
	_, err := queue.NewSummaryReader(b.Redis).ReadSummaries(t.Context())
	require.ErrorContains(t, err, "decode a summary")
}

func TestSummaryHostIsBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	long := queue.Summary{Dispatcher: queue.DispatcherState{Host: strings.Repeat("x", 1000)}}
	require.NoError(t, queue.NewSummaries(b.Redis).Publish(t.Context(), long))
	found, err := queue.NewSummaryReader(b.Redis).ReadSummaries(t.Context())
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("x", 160), found[0].Dispatcher.Host)
}

func TestClusterReadSummaries(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for name, url := range urlsOf(cluster) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, cluster.FlushAll(t.Context()))
			b := newBench(t, url)
			require.NoError(t, queue.NewSummaries(b.Redis).Publish(t.Context(), summaryOf(1)))
			found, err := queue.NewSummaryReader(b.Redis).ReadSummaries(t.Context())
			require.NoError(t, err)
			assert.Len(t, found, 1)
		})
	}
}
