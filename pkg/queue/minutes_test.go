package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// noon is in the middle of a minute.
var noon = time.Date(2026, 11, 28, 12, 0, 30, 0, time.UTC)

type minuteCounts = map[webhook.Minute]map[string]int64

// minute returns the minute that is some minutes before that of noon.
func minute(before int) webhook.Minute { return webhook.MinuteOf(noon) - webhook.Minute(before) }

func addMinutes(t *testing.T, client redis.UniversalClient, at time.Time, counts minuteCounts) {
	t.Helper()
	require.NoError(t, queue.NewMinuteCounter(client).AddMinutes(t.Context(), at, counts))
}

func readMinutes(t *testing.T, client redis.UniversalClient, now time.Time) queue.Minutes {
	t.Helper()
	minutes, err := queue.NewMinuteCounter(client).ReadMinutes(t.Context(), now)
	require.NoError(t, err)
	require.Len(t, minutes.Counts, queue.MinutesShown)
	for i, m := range minutes.Counts {
		require.Equal(t, (webhook.MinuteOf(now) - webhook.Minute(queue.MinutesShown-1-i)).Start(), m.Start, "each minute, empty ones included")
	}
	return minutes
}

// counted are the minutes with attempts.
func counted(minutes queue.Minutes) map[time.Time]map[string]int64 {
	found := map[time.Time]map[string]int64{}
	for _, m := range minutes.Counts {
		if m.Results != nil {
			found[m.Start] = m.Results
		}
	}
	return found
}

func TestMinutesOfSeveralDispatchersAddUp(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	none := readMinutes(t, b.Redis, noon)
	assert.Zero(t, none.Since)
	assert.Empty(t, counted(none))

	addMinutes(t, b.Redis, noon, minuteCounts{minute(0): {"success": 3, "5xx": 1}, minute(59): {"timeout": 2}, minute(60): {"success": 9}})
	addMinutes(t, b.Redis, noon.Add(time.Hour), minuteCounts{minute(0): {"success": 4}, minute(-1): {"success": 1}})
	minutes := readMinutes(t, b.Redis, noon)
	assert.Equal(t, noon, minutes.Since, "the first one began")
	assert.Equal(t, map[time.Time]map[string]int64{
		minute(0).Start(): {"success": 7, "5xx": 1}, minute(59).Start(): {"timeout": 2},
	}, counted(minutes), "of the last 60 minutes")
}

func TestMinutesConcurrentAddUp(t *testing.T) {
	t.Parallel()
	url := testservers.Redis(t)
	b := newBench(t, url)
	var group sync.WaitGroup
	for range 4 {
		dispatcher := newBench(t, url)
		group.Go(func() {
			for range 50 {
				assert.NoError(t, queue.NewMinuteCounter(dispatcher.Redis).AddMinutes(t.Context(), noon, minuteCounts{minute(0): {"success": 2, "dns": 1}}))
			}
		})
	}
	group.Wait()
	assert.Equal(t, map[string]int64{"success": 400, "dns": 200}, readMinutes(t, b.Redis, noon).Counts[59].Results)
}

func TestMinutesExpire(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	addMinutes(t, b.Redis, noon, minuteCounts{minute(0): {"success": 1}, minute(5): {"success": 1}})
	keys := b.Redis.Keys(t.Context(), "redrive:{deliveries}:minute:*").Val()
	require.Len(t, keys, 2)
	for _, key := range keys {
		life := b.Redis.TTL(t.Context(), key).Val()
		assert.LessOrEqual(t, life, 70*time.Minute)
		assert.Greater(t, life, time.Hour, "longer than it is shown")
	}
	assert.EqualValues(t, -1, b.Redis.TTL(t.Context(), "redrive:{deliveries}:minutes:since").Val(), "it says that Redis was not emptied")
}

// After Redis was emptied, a reader learns since when attempts are counted.
func TestMinutesRedisEmptiedCountAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	addMinutes(t, b.Redis, noon, minuteCounts{minute(0): {"success": 1}})
	require.NoError(t, b.Redis.FlushAll(t.Context()).Err())
	assert.Zero(t, readMinutes(t, b.Redis, noon).Since)

	again := noon.Add(90 * time.Second)
	addMinutes(t, b.Redis, again, minuteCounts{webhook.MinuteOf(again): {"4xx": 1}})
	minutes := readMinutes(t, b.Redis, again)
	assert.Equal(t, again, minutes.Since)
	assert.Equal(t, map[time.Time]map[string]int64{webhook.MinuteOf(again).Start(): {"4xx": 1}}, counted(minutes))
}

func TestMinutesDamagedIsAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	addMinutes(t, b.Redis, noon, minuteCounts{minute(0): {"success": 1}})
	for key, damage := range map[string]func(key string) error{
		"redrive:{deliveries}:minutes:since": func(key string) error { return b.Redis.Set(t.Context(), key, "x", 0).Err() },
		b.Redis.Keys(t.Context(), "redrive:{deliveries}:minute:*").Val()[0]: func(key string) error {
			return b.Redis.HSet(t.Context(), key, "success", "x").Err()
		},
	} {
		before := b.Redis.Dump(t.Context(), key).Val()
		require.NoError(t, damage(key))
		_, err := queue.NewMinuteCounter(b.Redis).ReadMinutes(t.Context(), noon)
		require.ErrorContains(t, err, "read the attempts by minute", key)
		require.NoError(t, b.Redis.RestoreReplace(t.Context(), key, 0, before).Err())
	}
	assert.Len(t, counted(readMinutes(t, b.Redis, noon)), 1)
}

func TestClusterMinutes(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for name, url := range urlsOf(cluster) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, cluster.FlushAll(t.Context()))
			b := newBench(t, url)
			addMinutes(t, b.Redis, noon, minuteCounts{minute(0): {"success": 3}, minute(1): {"dns": 1}})
			minutes := readMinutes(t, b.Redis, noon)
			assert.Equal(t, noon, minutes.Since)
			assert.Equal(t, map[time.Time]map[string]int64{minute(0).Start(): {"success": 3}, minute(1).Start(): {"dns": 1}}, counted(minutes))
		})
	}
}

func TestMinutesRedisUnavailable(t *testing.T) {
	t.Parallel()
	client, err := queue.Connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = queue.NewMinuteCounter(client).ReadMinutes(t.Context(), noon)
	require.ErrorContains(t, err, "read the attempts by minute")
	require.ErrorContains(t, queue.NewMinuteCounter(client).AddMinutes(t.Context(), noon, minuteCounts{minute(0): {"success": 1}}), "count attempts by minute")
	_, err = queue.NewSummaryReader(client).ReadSummaries(t.Context())
	require.ErrorContains(t, err, "read the summaries of dispatchers")
}
