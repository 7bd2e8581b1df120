package bulkhead

import (
	"context"
	"log/slog"
	"slices"
	"sync"
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
		l := newLimiter(client, slog.New(slog.DiscardHandler))
		for range 3 {
			group.Go(func() {
				for {
					turn := l.reserve(t.Context(), "ep_a", perSecond, nil)
					assert.LessOrEqual(t, turn.wait, horizon)
					time.Sleep(turn.wait + turn.retry)
					if !turn.granted {
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
	took := sent[len(sent)-1] - sent[0]
	t.Logf("%d requests at %d a second by two replicas took %s, at most %d in a second", requests, perSecond, took, most(sent))
	// The first ones are a burst, and the rest is spaced. A busy machine may send late, and then closer together.
	assert.GreaterOrEqual(t, took, time.Duration(requests-burst(perSecond)-1)*time.Second/perSecond-50*time.Millisecond)
	assert.LessOrEqual(t, most(sent), perSecond+perSecond/2)

	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	assert.Equal(t, []string{"rate:redrive:ep_a"}, keys)
	assert.Positive(t, client.TTL(t.Context(), keys[0]).Val(), "Redis forgets it")
}

// Redis has to answer as the limiter computes.
func TestTurns(t *testing.T) {
	t.Parallel()
	l := newLimiter(connect(t, testservers.Redis(t)), slog.New(slog.DiscardHandler))
	reserve := func(perSecond int) turn { return l.reserve(t.Context(), "ep_"+string(rune(perSecond)), perSecond, nil) }

	assert.Equal(t, turn{granted: true}, reserve(1))
	late := reserve(1)
	assert.False(t, late.granted)
	assert.InDelta(t, 750*time.Millisecond, late.retry, float64(100*time.Millisecond), "a turn that is a horizon away then")

	for range 10 { // a burst
		require.InDelta(t, 0, reserve(100).wait, float64(2*time.Millisecond))
	}
	next := reserve(100)
	assert.True(t, next.granted)
	assert.Positive(t, next.wait)
	assert.Less(t, next.wait, 12*time.Millisecond)
}

func TestRateWithoutRedis(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	client := connect(t, server.URL())
	l, e := newLimiter(client, slog.New(slog.DiscardHandler)), &endpoint{}
	require.Equal(t, turn{granted: true}, l.reserve(t.Context(), "ep_a", 1, e))
	require.NoError(t, server.Stop())

	require.True(t, l.reserve(t.Context(), "ep_a", 1, e).granted, "each by itself")
	begin := time.Now()
	for range 100 {
		require.False(t, l.reserve(t.Context(), "ep_a", 1, e).granted)
	}
	assert.Less(t, time.Since(begin), time.Second, "Redis is not asked for a while")
	require.True(t, l.reserve(t.Context(), "ep_b", 1000, &endpoint{}).granted)
}

// Deliveries that a rate holds up are sent at that rate, and none is asked for or woken more often than it takes.
func TestPacedDeliveries(t *testing.T) {
	for _, rate := range []int{1, 5, 30, 200} {
		synctest.Test(t, func(t *testing.T) {
			paced := healthy(20 * time.Millisecond)
			paced.name, paced.rateLimit = "ep_paced", rate
			f := newFlow(t, Options{}, paced)
			f.Start()
			count := 300 * min(rate, 30) / 30
			count = max(count, 20)
			begin := time.Now()
			f.run(f.parcels(count))
			took := time.Since(begin)
			require.NoError(t, f.Stop(t.Context()))

			sent := f.receivers[0].sent
			require.Len(t, sent, count)
			assert.LessOrEqual(t, most(sent), rate+burst(rate))
			ideal := time.Duration(count-burst(rate)) * time.Second / time.Duration(rate)
			assert.Less(t, took, ideal+ideal/10+time.Second)
			assert.LessOrEqual(t, f.deferrals, 2*count)
			t.Logf("%d deliveries at %d a second took %s, ideally %s; %d deferrals", count, rate, took.Round(time.Millisecond), ideal.Round(time.Millisecond), f.deferrals)
		})
	}
}

// One endpoint's rate is nobody else's, and one that is changed counts at once.
func TestRateIsChanged(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		limited := func(rate int) Visit {
			v := b.visit("ep_a")
			v.RateLimit = rate
			return v
		}
		b.in(limited(1)).Leave(quickly(time.Millisecond))
		deferral := b.out(limited(1), Rate)
		assert.Equal(t, "held: the endpoint's rate limit of 1 a second is used up", deferral.Reason)
		assert.Equal(t, time.Second+time.Second/8, time.Until(deferral.Until))
		assert.Equal(t, 1750*time.Millisecond*9/8, time.Until(b.out(limited(1), Rate).Until), "there is one in front of it")
		b.in(b.visit("ep_b")).Leave(quickly(time.Millisecond))
		b.in(b.delivery("ep_a", "dlv_000002")).Leave(quickly(time.Millisecond))

		time.Sleep(10 * time.Second)
		for range burst(50) {
			b.in(limited(50)).Leave(quickly(time.Millisecond))
		}
	})
}

// A worker that is told to stop while it waits for its turn sends nothing.
func TestToldToStopWhilePaced(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{Redis: connect(t, testservers.Redis(t))})
	v := b.visit("ep_a")
	v.RateLimit = 10
	b.in(v).Leave(quickly(time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v = b.visit("ep_a")
	v.RateLimit = 10
	permit, deferral := b.Enter(ctx, v)
	assert.Nil(t, permit)
	assert.Equal(t, Rate, deferral.Cause)
	b.consistent(t)
	assert.Zero(t, b.occupied)
	assert.Zero(t, b.limiter.awayUntil.Load(), "that is not Redis's fault")
}
