package bulkhead

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Snoozes grow with the age and the number of the held deliveries. The jitter is up to as long again.
func TestSnoozeGrowsWithHeld(t *testing.T) {
	random := 0.0
	options := Options{PerEndpoint: 1, LongestSnooze: 5 * time.Minute, Random: func() float64 { return random }}
	inBubble(t, options, func(b *bench) {
		b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		snooze := func() [2]time.Duration {
			v := b.request("ep_a")
			random = 0
			least := time.Until(b.deferred(v, Concurrency).Until)
			random = 0.999999999
			most := time.Until(b.deferred(v, Concurrency).Until).Round(time.Microsecond)
			return [2]time.Duration{least, most}
		}
		assert.Equal(t, [2]time.Duration{30 * time.Second, time.Minute}, snooze())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, [2]time.Duration{30 * time.Second, time.Minute}, snooze())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, [2]time.Duration{time.Minute, 2 * time.Minute}, snooze())
		time.Sleep(time.Hour)
		assert.Equal(t, [2]time.Duration{150 * time.Second, 5 * time.Minute}, snooze())

		b.acquire(b.request("ep_b"))
		time.Sleep(time.Second)
		for range 1998 {
			b.deferred(b.request("ep_b"), Concurrency)
		}
		v := b.request("ep_b")
		random = 0
		b.deferred(v, Concurrency)
		assert.Equal(t, 100*time.Second, time.Until(b.deferred(v, Concurrency).Until).Round(time.Second), "20 a second")
	})
}

// A worker waits for a slot of a fast endpoint, because a snooze would take longer.
func TestAcquireFastEndpointBlocksWorker(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.AfterFunc(20*time.Millisecond, func() { permit.Complete(quickly(20 * time.Millisecond)) })
		begin := time.Now()
		permit = b.acquire(b.request("ep_a"))
		require.Equal(t, 20*time.Millisecond, time.Since(begin))
		assert.Empty(t, b.woken())

		// The attempt in flight does not end.
		begin = time.Now()
		v := b.request("ep_a")
		b.deferred(v, Concurrency)
		require.Equal(t, maxSlotWait, time.Since(begin))
		b.deferred(v, Concurrency)
		require.Equal(t, maxSlotWait, time.Since(begin), "a worker no longer waits for the endpoint")

		// Slots are freed, but the mean duration of attempts exceeds maxSlotWait.
		time.Sleep(time.Second)
		permit.Complete(quickly(time.Second))
		permit = b.acquire(v)
		begin = time.Now()
		b.deferred(b.request("ep_a"), Concurrency)
		assert.Equal(t, begin, time.Now())
		permit.Release()
	})
}

// Waiting workers and held deliveries get slots in turn.
func TestAssignAlternatesWaitersAndHeld(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		var line []Request
		for range 2 {
			v := b.request("ep_a")
			b.deferred(v, Concurrency)
			line = append(line, v)
		}
		time.Sleep(sleepDelay)
		permit.Complete(quickly(time.Millisecond))
		require.Equal(t, []string{line[0].DeliveryID}, b.woken())
		permit = b.acquire(line[0])

		entered := make(chan *Permit, 2)
		for range 2 {
			v := b.request("ep_a")
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
		b.acquire(line[1]).Complete(quickly(time.Millisecond))
		permit = <-entered
		require.NotNil(t, permit)
		permit.Release()
	})
}

func TestAcquireWaitingContextEndsDefers(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		begin := time.Now()
		other, _ := b.Acquire(ctx, b.request("ep_a"))
		assert.Nil(t, other)
		assert.Equal(t, begin, time.Now())
		permit.Release()
	})
}

// A held delivery whose task is not asleep yet cannot be woken, so a new delivery takes the free slot.
func TestAcquireHeldNotAsleepTakesFreeSlot(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 2}, func(b *bench) {
		permits := b.fill("ep_a", 2)
		time.Sleep(time.Second)
		held := b.request("ep_a")
		b.deferred(held, Concurrency)
		permits[0].Complete(quickly(time.Millisecond))
		begin := time.Now()
		b.acquire(b.request("ep_a")).Complete(quickly(time.Millisecond))
		assert.Equal(t, begin, time.Now())
		time.Sleep(sleepDelay + tickInterval)
		assert.Equal(t, []string{held.DeliveryID}, b.woken())
		permits[1].Release()
	})
}
