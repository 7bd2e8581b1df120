package bulkhead

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

// newPatientLimiter makes a limiter that never takes a slow Redis for one that is away.
func newPatientLimiter(client redis.UniversalClient) *limiter {
	l := newLimiter(client, slog.New(slog.DiscardHandler))
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
	took := slices.Max(sent) // since before the first turn was given out
	t.Logf("%d requests at %d a second by two replicas took %s, at most %d in a second", requests, perSecond, took, most(sent))
	// The first ones are a burst, and the rest is spaced. A busy machine may send late, and then closer together: the six senders
	// hold a turn each.
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
	l := newPatientLimiter(connect(t, testservers.Redis(t)))
	reserve := func(perSecond int) turn { return l.reserve(t.Context(), "ep_"+string(rune(perSecond)), perSecond, nil) }

	// Redis counts by its own clock. Turns come nearer by as much as the test takes.
	const inexact = 2 * time.Millisecond
	begin := time.Now()
	require.Equal(t, turn{granted: true}, reserve(1))
	late := reserve(1)
	passed := time.Since(begin)
	assert.True(t, !late.granted || passed > 750*time.Millisecond-inexact)
	assert.GreaterOrEqual(t, late.retry, 750*time.Millisecond-passed-inexact, "a turn that is a horizon away then")
	assert.LessOrEqual(t, late.retry, 750*time.Millisecond+inexact)

	begin = time.Now()
	for range 10 { // a burst
		require.LessOrEqual(t, reserve(100).wait, inexact)
	}
	next := reserve(100)
	assert.True(t, next.granted)
	assert.GreaterOrEqual(t, next.wait, 10*time.Millisecond-time.Since(begin)-inexact)
	assert.LessOrEqual(t, next.wait, 10*time.Millisecond+inexact)
}

func TestRateWithoutRedis(t *testing.T) {
	t.Parallel()
	server, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	client := connect(t, server.URL())
	l, e := newPatientLimiter(client), &endpoint{}
	require.Equal(t, turn{granted: true}, l.reserve(t.Context(), "ep_a", 1, e))
	require.NoError(t, server.Stop())

	require.True(t, l.reserve(t.Context(), "ep_a", 1, e).granted, "each by itself")
	require.True(t, l.reserve(t.Context(), "ep_b", 1000, &endpoint{}).granted)
}

// A Redis that is away is not asked for a while, and each replica keeps to the rate by itself.
func TestRateRedisAwayIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int32
		client := redis.NewClient(&redis.Options{MaxRetries: -1, Dialer: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return nil, syscall.ECONNREFUSED
		}})
		l, e := newLimiter(client, slog.New(slog.DiscardHandler)), &endpoint{}
		require.True(t, l.reserve(t.Context(), "ep_a", 1, e).granted)
		asked := dials.Load()
		require.Positive(t, asked)
		for range 100 {
			require.False(t, l.reserve(t.Context(), "ep_a", 1, e).granted)
		}
		assert.Equal(t, asked, dials.Load())
		time.Sleep(limiterPause)
		require.True(t, l.reserve(t.Context(), "ep_a", 1, e).granted)
		assert.Greater(t, dials.Load(), asked, "asked again")
		require.NoError(t, client.Close())
		time.Sleep(time.Minute) // the client notices late that it was closed
	})
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
		limited := func(rate int) Request {
			v := b.visit("ep_a")
			v.RateLimit = rate
			return v
		}
		b.in(limited(1)).Complete(quickly(time.Millisecond))
		deferral := b.out(limited(1), Rate)
		assert.Equal(t, "held: the endpoint's rate limit of 1 a second is used up", deferral.Reason)
		assert.Equal(t, time.Second+time.Second/8, time.Until(deferral.Until))
		assert.Equal(t, 1750*time.Millisecond*9/8, time.Until(b.out(limited(1), Rate).Until), "there is one in front of it")
		b.in(b.visit("ep_b")).Complete(quickly(time.Millisecond))
		b.in(b.delivery("ep_a", "dlv_000002")).Complete(quickly(time.Millisecond))

		time.Sleep(10 * time.Second)
		for range burst(50) {
			b.in(limited(50)).Complete(quickly(time.Millisecond))
		}
	})
}

// A worker that is told to stop while it waits for its turn sends nothing.
func TestToldToStopWhilePaced(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{Redis: connect(t, testservers.Redis(t))})
	v := b.visit("ep_a")
	v.RateLimit = 10
	b.in(v).Complete(quickly(time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v = b.visit("ep_a")
	v.RateLimit = 10
	permit, deferral := b.Acquire(ctx, v)
	assert.Nil(t, permit)
	assert.Equal(t, Rate, deferral.Cause)
	b.consistent(t)
	assert.Zero(t, b.occupied)
	assert.Zero(t, b.limiter.awayUntil.Load(), "that is not Redis's fault")
}
