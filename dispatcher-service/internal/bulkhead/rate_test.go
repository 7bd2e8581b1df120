package bulkhead

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/pacing"
	"redrive/dispatcher-service/internal/pacing/pacingtest"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
)

// Rate-limited deliveries are sent at the limit, and each is deferred at most twice on average.
func TestAcquireRateLimitedIsPaced(t *testing.T) {
	for _, rate := range []int{1, 5, 30, 200} {
		synctest.Test(t, func(t *testing.T) {
			paced := healthy(20 * time.Millisecond)
			paced.name, paced.rateLimit = "ep_paced", rate
			f := newSimulation(t, Options{}, paced)
			f.Start()
			count := 300 * min(rate, 30) / 30
			count = max(count, 20)
			begin := time.Now()
			f.run(f.jobs(count))
			took := time.Since(begin)
			require.NoError(t, f.Stop(t.Context()))

			sent := f.receivers[0].sent
			require.Len(t, sent, count)
			assert.LessOrEqual(t, pacingtest.MaxPerSecond(sent), rate+pacing.PerSecond(rate).Burst)
			ideal := time.Duration(count-pacing.PerSecond(rate).Burst) * time.Second / time.Duration(rate)
			assert.Less(t, took, ideal+ideal/10+time.Second)
			assert.LessOrEqual(t, f.deferrals, 2*count)
			t.Logf("%d deliveries at %d a second took %s, ideally %s; %d deferrals", count, rate, took.Round(time.Millisecond), ideal.Round(time.Millisecond), f.deferrals)
		})
	}
}

// The rate limit of one endpoint does not affect others, and a changed limit applies at once.
func TestAcquireRateChangedAppliesAtOnce(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		limited := func(rate int) Request {
			v := b.request("ep_a")
			v.RateLimit = rate
			return v
		}
		b.acquire(limited(1)).Complete(quickly(time.Millisecond))
		deferral := b.deferred(limited(1), Rate)
		assert.Equal(t, "held: the endpoint's rate limit of 1 a second is used up", deferral.Reason)
		assert.Equal(t, time.Second+time.Second/8, time.Until(deferral.Until))
		assert.Equal(t, 1750*time.Millisecond*9/8, time.Until(b.deferred(limited(1), Rate).Until), "another held delivery is in front of it")
		b.acquire(b.request("ep_b")).Complete(quickly(time.Millisecond))
		b.acquire(b.delivery("ep_a", "dlv_000002")).Complete(quickly(time.Millisecond))

		time.Sleep(10 * time.Second)
		for range pacing.PerSecond(50).Burst {
			b.acquire(limited(50)).Complete(quickly(time.Millisecond))
		}
	})
}

// A worker whose context ends while it waits for the rate limit gets no permit.
func TestAcquirePacedContextEndsDefers(t *testing.T) {
	t.Parallel()
	var text testlog.Buffer
	b := newBench(t, Options{Redis: queuetest.New(t, testservers.Redis(t)).Redis, Log: slog.New(slog.NewTextHandler(&text, nil))})
	v := b.request("ep_a")
	v.RateLimit = 10
	b.acquire(v).Complete(quickly(time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v = b.request("ep_a")
	v.RateLimit = 10
	permit, deferral := b.Acquire(ctx, v)
	assert.Nil(t, permit)
	assert.Equal(t, Rate, deferral.Cause)
	b.consistent(t)
	assert.Zero(t, b.slots.Taken)
	assert.Empty(t, text.String(), "no failure of Redis is logged")
}
