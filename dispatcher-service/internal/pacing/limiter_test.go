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

	"redrive/dispatcher-service/internal/pacing/pacingtest"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
)

// newPatientLimiter returns a limiter with a long timeout, so that a slow Redis does not count as unavailable.
func newPatientLimiter(client redis.UniversalClient) *Limiter {
	l := New(client, slog.New(slog.DiscardHandler))
	l.timeout = time.Minute
	return l
}

// Two replicas with the same Redis share one rate.
func TestReserveReplicasShareRate(t *testing.T) {
	t.Parallel()
	const perSecond, requests = 50, 150
	client := queuetest.New(t, testservers.Redis(t)).Redis
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
	took := slices.Max(sent) // from before the first turn was granted
	t.Logf("%d requests at %d a second by two replicas took %s, at most %d in a second", requests, perSecond, took, pacingtest.MaxPerSecond(sent))
	// The first requests are a burst, and the others are spaced. On a busy machine, each of the six senders may send its request late.
	assert.GreaterOrEqual(t, took, time.Duration(requests-PerSecond(perSecond).Burst-1)*time.Second/perSecond-50*time.Millisecond)
	assert.LessOrEqual(t, pacingtest.MaxPerSecond(sent), perSecond+perSecond/2)

	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"redrive:rate:ep_a"}, keys)
	assert.Positive(t, client.TTL(t.Context(), keys[0]).Val(), "the key expires")
}

// The script in Redis computes the same turns as the Go function.
func TestReserveTurnsOnRedis(t *testing.T) {
	t.Parallel()
	l := newPatientLimiter(queuetest.New(t, testservers.Redis(t)).Redis)
	reserve := func(perSecond int) Turn {
		return l.Reserve(t.Context(), "ep_"+string(rune(perSecond)), PerSecond(perSecond), new(Local))
	}

	// Redis uses its own clock. The wait for a turn shrinks by the time that the test takes.
	const inexact = 2 * time.Millisecond
	begin := time.Now()
	require.Equal(t, Turn{Granted: true}, reserve(1))
	late := reserve(1)
	passed := time.Since(begin)
	assert.True(t, !late.Granted || passed > 750*time.Millisecond-inexact)
	assert.GreaterOrEqual(t, late.Retry, 750*time.Millisecond-passed-inexact, "the turn is then one Horizon ahead")
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
	client := queuetest.New(t, server.URL()).Redis
	l, local := newPatientLimiter(client), new(Local)
	require.Equal(t, Turn{Granted: true}, l.Reserve(t.Context(), "ep_a", PerSecond(1), local))
	require.NoError(t, server.Stop())

	require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted, "each replica limits by itself")
	require.True(t, l.Reserve(t.Context(), "ep_b", PerSecond(1000), new(Local)).Granted)
}

// After a failed call, Redis is not called for redisPause, and each replica limits by itself.
func TestReserveRedisFailedIsPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		client := redis.NewClient(&redis.Options{MaxRetries: -1, Dialer: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return nil, syscall.ECONNREFUSED
		}})
		l, local := New(client, slog.New(slog.DiscardHandler)), new(Local)
		require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		before := dials.Load()
		require.Positive(t, before)
		for range 100 {
			require.False(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		}
		assert.Equal(t, before, dials.Load())
		time.Sleep(redisPause)
		require.True(t, l.Reserve(t.Context(), "ep_a", PerSecond(1), local).Granted)
		assert.Greater(t, dials.Load(), before, "Redis is called again")
		require.NoError(t, client.Close())
		time.Sleep(time.Minute) // the client's dialling goroutine ends some time after Close
	})
}
