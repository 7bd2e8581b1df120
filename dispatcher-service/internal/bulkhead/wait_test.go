package bulkhead

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Snoozes grow with the age and the number of the held deliveries. Their jitter is as large again.
func TestSnoozesGrow(t *testing.T) {
	random := 0.0
	options := Options{PerEndpoint: 1, LongestSnooze: 5 * time.Minute, Random: func() float64 { return random }}
	inBubble(t, options, func(b *bench) {
		b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		snooze := func() [2]time.Duration {
			v := b.visit("ep_a")
			random = 0
			least := time.Until(b.out(v, Concurrency).Until)
			random = 0.999999999
			most := time.Until(b.out(v, Concurrency).Until).Round(time.Microsecond)
			return [2]time.Duration{least, most}
		}
		assert.Equal(t, [2]time.Duration{30 * time.Second, time.Minute}, snooze())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, [2]time.Duration{30 * time.Second, time.Minute}, snooze())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, [2]time.Duration{time.Minute, 2 * time.Minute}, snooze())
		time.Sleep(time.Hour)
		assert.Equal(t, [2]time.Duration{150 * time.Second, 5 * time.Minute}, snooze())

		b.in(b.visit("ep_b"))
		time.Sleep(time.Second)
		for range 1998 {
			b.out(b.visit("ep_b"), Concurrency)
		}
		v := b.visit("ep_b")
		random = 0
		b.out(v, Concurrency)
		assert.Equal(t, 100*time.Second, time.Until(b.out(v, Concurrency).Until).Round(time.Second), "20 a second")
	})
}

// A worker waits for a slot of a fast endpoint, because a snooze would take longer.
func TestFastEndpointBlocksWorker(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.AfterFunc(20*time.Millisecond, func() { permit.Complete(quickly(20 * time.Millisecond)) })
		begin := time.Now()
		permit = b.in(b.visit("ep_a"))
		require.Equal(t, 20*time.Millisecond, time.Since(begin))
		assert.Empty(t, b.woken())

		// It begins to hang.
		begin = time.Now()
		v := b.visit("ep_a")
		b.out(v, Concurrency)
		require.Equal(t, maxSlotWait, time.Since(begin))
		b.out(v, Concurrency)
		require.Equal(t, maxSlotWait, time.Since(begin), "nobody waits for it any more")

		// Not in vain, but too long.
		time.Sleep(time.Second)
		permit.Complete(quickly(time.Second))
		permit = b.in(v)
		begin = time.Now()
		b.out(b.visit("ep_a"), Concurrency)
		assert.Equal(t, begin, time.Now())
		permit.Release()
	})
}

// Waiting workers and held deliveries get slots in turn.
func TestFastEndpointAlternatesWaitersAndHeld(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		var line []Request
		for range 2 {
			v := b.visit("ep_a")
			b.out(v, Concurrency)
			line = append(line, v)
		}
		time.Sleep(sleepDelay)
		permit.Complete(quickly(time.Millisecond))
		require.Equal(t, []string{line[0].DeliveryID}, b.woken())
		permit = b.in(line[0])

		entered := make(chan *Permit, 2)
		for range 2 {
			v := b.visit("ep_a")
			go func() {
				p, _ := b.Acquire(b.t.Context(), v)
				entered <- p
			}()
		}
		synctest.Wait()
		permit.Complete(quickly(time.Millisecond))
		require.Empty(t, b.woken(), "the next slot is for a waiting worker")
		permit = <-entered
		permit.Complete(quickly(time.Millisecond))
		require.Equal(t, []string{line[1].DeliveryID}, b.woken())
		require.Empty(t, entered)
		b.in(line[1]).Complete(quickly(time.Millisecond))
		permit = <-entered
		require.NotNil(t, permit)
		permit.Release()
	})
}

func TestAcquireCancelledWhileWaiting(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		begin := time.Now()
		other, _ := b.Acquire(ctx, b.visit("ep_a"))
		assert.Nil(t, other)
		assert.Equal(t, begin, time.Now())
		permit.Release()
	})
}

// A slot is not left idle for a delivery that cannot be called yet: its task may not be asleep.
func TestFastEndpointSlotNotKeptForAwakeHeld(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 2}, func(b *bench) {
		permits := b.fill("ep_a", 2)
		time.Sleep(time.Second)
		held := b.visit("ep_a")
		b.out(held, Concurrency)
		permits[0].Complete(quickly(time.Millisecond))
		begin := time.Now()
		b.in(b.visit("ep_a")).Complete(quickly(time.Millisecond))
		assert.Equal(t, begin, time.Now())
		time.Sleep(sleepDelay + tickInterval)
		assert.Equal(t, []string{held.DeliveryID}, b.woken())
		permits[1].Release()
	})
}
