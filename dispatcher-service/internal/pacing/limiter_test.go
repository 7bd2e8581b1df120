package pacing

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

func connect(t testing.TB, address string) redis.UniversalClient {
	t.Helper()
	client, err := queue.Connect(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// newPatientLimiter makes a limiter that never takesSlot a slow Redis for one that is away.
func newPatientLimiter(client redis.UniversalClient) *Limiter {
	l := New(client, slog.New(slog.DiscardHandler))
	l.timeout = time.Minute
	return l
}

// most is the largest number of times within a second.
func most(sent []time.Duration) (count int) {
	slices.Sort(sent)
	for i, first := 0, 0; i < len(sent); i++ {
		for sent[i]-sent[first] >= time.Second {
			first++
		}
		count = max(count, i-first+1)
	}
	return count
}

// Two replicas on one Redis keep to one rate between them.
func TestReplicasShareARate(t *testing.T) {
	t.Parallel()
	const perSecond, requests = 50, 150
	client := connect(t, testservers.Redis(t))
	var group sync.WaitGroup
	var mutex sync.Mutex
	var sent []time.Duration
	begin := time.Now()
	for range 2 {
		l := newPatientLimiter(client)
		for range 3 {
			group.Go(func() {
				for {
					turn := l.Reserve(t.Context(), "ep_a", PerSecond(perSecond), new(Local))
					assert.LessOrEqual(t, turn.Wait, Horizon)
					time.Sleep(turn.Wait + turn.Retry)
					if !turn.Granted {
						continue
					}
					mutex.Lock()
					if len(sent) == requests {
						mutex.Unlock()
						return
					}
					sent = append(sent, time.Since(begin))
					mutex.Unlock()
				}
			})
		}
	}
	group.Wait()
	took := slices.Max(sent) // since before the first turn was given out
	t.Logf("%d requests at %d a second by two replicas took %s, at most %d in a second", requests, perSecond, took, most(sent))
	// The first ones are a burst, and the rest is spaced. A busy machine may send late, and then closer together: the six senders
	// hold a turn each.
	assert.GreaterOrEqual(t, took, time.Duration(requests-PerSecond(perSecond).Burst-1)*time.Second/perSecond-50*time.Millisecond)
	assert.LessOrEqual(t, most(sent), perSecond+perSecond/2)

	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"redrive:rate:ep_a"}, keys)
	assert.Positive(t, client.TTL(t.Context(), keys[0]).Val(), "Redis forgets it")
}

// Redis has to answer as the limiter computes.
func TestReserveTurnsOnRedis(t *testing.T) {
	t.Parallel()
	l := newPatientLimiter(connect(t, testservers.Redis(t)))
	reserve := func(perSecond int) Turn {
		return l.Reserve(t.Context(), "ep_"+string(rune(perSecond)), PerSecond(perSecond), new(Local))
	}

	// Redis counts by its own clock. Turns come nearer by as much as the test takesSlot.
	const inexact = 2 * time.Millisecond
	begin := time.Now()
	require.Equal(t, Turn{Granted: true}, reserve(1))
	late := reserve(1)
	passed := time.Since(begin)
	assert.True(t, !late.Granted || passed > 750*time.Millisecond-inexact)
	assert.GreaterOrEqual(t, late.Retry, 750*time.Millisecond-passed-inexact, "a turn that is a Horizon away then")
	assert.LessOrEqual(t, late.Retry, 750*time.Millisecond+inexact)

	begin = time.Now()
	for range 10 { // a burst
		require.LessOrEqual(t, reserve(100).Wait, inexact)
	}
	next := reserve(100)
	assert.True(t, next.Granted)
	assert.GreaterOrEqual(t, next.Wait, 10*time.Millisecond-time.Since(begin)-inexact)
	assert.LessOrEqual(t, next.Wait, 10*time.Millisecond+inexact)
}

func TestReserveRedisStoppedIsLocal(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	client := connect(t, server.URL())
	l, local := newPatientLimiter(client), new(Local)
	require.Equal(t, Turn{Granted: true}, l.Reserve(t.Context(), "ep_a", PerSecond(1), local))
	require.NoError(t, server.Stop())

	require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted, "each by itself")
	require.True(t, l.Reserve(t.Context(), "ep_b", PerSecond(1000), new(Local)).Granted)
}

// A Redis that is away is not asked for a while, and each replica keeps to the rate by itself.
func TestReserveRedisFailedIsPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		client := redis.NewClient(&redis.Options{MaxRetries: -1, Dialer: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return nil, syscall.ECONNREFUSED
		}})
		l, local := New(client, slog.New(slog.DiscardHandler)), new(Local)
		require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		asked := dials.Load()
		require.Positive(t, asked)
		for range 100 {
			require.False(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		}
		assert.Equal(t, asked, dials.Load())
		time.Sleep(redisPause)
		require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		assert.Greater(t, dials.Load(), asked, "asked again")
		require.NoError(t, client.Close())
		time.Sleep(time.Minute) // the client notices late that it was closed
	})
}
