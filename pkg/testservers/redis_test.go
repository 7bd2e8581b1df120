package testservers

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedisWithoutGivenServerIsPrivate(t *testing.T) {
	t.Setenv(redisURLVariable, "")
	first, second := Redis(t), Redis(t)
	require.NotEqual(t, first, second)
	require.NoError(t, redisClient(t, first).Set(t.Context(), "key", "value", 0).Err())
	assert.ErrorIs(t, redisClient(t, second).Get(t.Context(), "key").Err(), redis.Nil)
}

func TestRedisGivenServerIsEmptied(t *testing.T) {
	server := startRedis(t)
	t.Setenv(redisURLVariable, server.URL())
	first := redisClient(t, fmt.Sprintf("redis://%s/1", address(server.Port())))
	require.NoError(t, first.Set(t.Context(), "left", "over", 0).Err())

	t.Run("user", func(t *testing.T) {
		one, other := Redis(t), Redis(t)
		assert.Equal(t, []string{"/1", "/2"}, []string{path(t, one), path(t, other)})
		keys, err := first.DBSize(t.Context()).Result()
		require.NoError(t, err)
		assert.Zero(t, keys, "it is empty at the start")
		require.NoError(t, first.Set(t.Context(), "key", "value", 0).Err())
	})

	for number := range 3 {
		client := redisClient(t, fmt.Sprintf("redis://%s/%d", address(server.Port()), number))
		keys, err := client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		assert.Empty(t, keys, "left in database %d", number)
	}
}

func path(t *testing.T, address string) string {
	t.Helper()
	location, err := url.Parse(address)
	require.NoError(t, err)
	return location.Path
}

func TestLeaseTakenIsWaitedFor(t *testing.T) {
	t.Parallel()
	options := &redis.Options{Addr: address(startRedis(t).Port())}
	var leases []*lease
	taken := make(map[int]bool)
	for range leaseNumbers {
		l, err := claim(options, time.Second)
		require.NoError(t, err)
		require.False(t, taken[l.number])
		taken[l.number] = true
		leases = append(leases, l)
	}
	_, err := claim(options, 200*time.Millisecond)
	require.ErrorContains(t, err, "still taken")

	// One database is released while another test waits for it.
	var waiting sync.WaitGroup
	var late *lease
	waiting.Go(func() { late, err = claim(options, 10*time.Second) })
	require.NoError(t, leases[6].release())
	waiting.Wait()
	require.NoError(t, err)
	assert.Equal(t, leases[6].number, late.number)
	leases[6] = late
	for _, l := range leases {
		assert.NoError(t, l.release())
	}
}

func TestLeaseRenewedStaysExclusive(t *testing.T) {
	t.Parallel()
	options := &redis.Options{Addr: address(startRedis(t).Port())}
	l, err := claim(options, time.Second)
	require.NoError(t, err)
	renew := func() int {
		kept, err := renewal.Run(t.Context(), l.client, []string{l.key}, l.token, leaseTTL.Milliseconds()).Int()
		require.NoError(t, err)
		return kept
	}

	require.NoError(t, l.client.PExpire(t.Context(), l.key, time.Second).Err())
	assert.Equal(t, 1, renew())
	assert.Greater(t, l.client.PTTL(t.Context(), l.key).Val(), leaseTTL/2)

	require.NoError(t, l.client.FlushAll(t.Context()).Err())
	assert.Equal(t, 1, renew(), "a lease lost to FLUSHALL is taken again")

	require.NoError(t, l.client.Set(t.Context(), l.key, "somebody else", 0).Err())
	assert.Equal(t, 0, renew())
	require.ErrorIs(t, l.release(), errLeaseLost)
	assert.Equal(t, "somebody else", redisClient(t, "redis://"+options.Addr).Get(t.Context(), l.key).Val())
}

func TestParseRedisURLErrorHidesPassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"http://:hunter2@localhost", "redis://:hunter2@local host", "redis://:hunter2@localhost/x"} {
		_, _, err := parseRedisURL(address)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NoError(t, errors.Unwrap(err))
	}
}
