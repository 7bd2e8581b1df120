package bulkhead

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

func TestAcquireAtLimitDefers(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		permits := b.fill("ep_a", 1000)
		require.Len(t, permits, 50, "a quarter of the workers")
		time.Sleep(time.Second)

		begin := time.Now()
		deferral := b.deferred(b.request("ep_a"), Concurrency)
		assert.Equal(t, begin, time.Now(), "no worker waits for an endpoint whose attempts neither start nor end")
		assert.Equal(t, begin.Add(45*time.Second), deferral.Until)
		assert.Equal(t, "held: the endpoint has 50 attempts in flight, and may not have more at the moment", deferral.Reason)
		b.acquire(b.request("ep_b"))

		permits[0].Complete(refused())
		deferral = b.deferred(b.request("ep_a"), Concurrency)
		assert.Contains(t, deferral.Reason, "; its last error: the connection was refused")
	})
}

// A free slot is reserved for the oldest held delivery. No other delivery gets it meanwhile.
func TestCompleteReservesSlotForOldestHeld(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		second, third := b.request("ep_a"), b.request("ep_a")
		b.deferred(second, Concurrency)
		b.deferred(third, Concurrency)
		time.Sleep(time.Minute)
		require.Empty(t, b.woken())

		permit.Complete(quickly(time.Second))
		permit.Complete(quickly(time.Second))
		permit.Release()
		require.Equal(t, []string{second.DeliveryID}, b.woken(), "one wake for one slot")
		b.deferred(b.request("ep_a"), Concurrency)
		b.deferred(third, Concurrency) // its snooze has ended
		permit = b.acquire(second)
		time.Sleep(time.Second)
		require.Empty(t, b.woken())

		permit.Release()
		require.Equal(t, []string{third.DeliveryID}, b.woken())
		b.acquire(third)
	})
}

// A reservation expires if no delivery uses it: the task may be missing, or another replica may have it.
func TestReservationUnusedExpires(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		gone, next := b.request("ep_a"), b.request("ep_a")
		b.deferred(gone, Concurrency)
		b.deferred(next, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		require.Equal(t, []string{gone.DeliveryID}, b.woken())
		time.Sleep(reservationTTL - tickInterval)
		for _, id := range b.woken() {
			require.Equal(t, gone.DeliveryID, id, "the task is woken again, because another replica may have snoozed it")
		}
		time.Sleep(2 * tickInterval)
		require.Equal(t, []string{next.DeliveryID}, b.woken())
		permit = b.acquire(gone)
		b.deferred(next, Concurrency) // the older delivery has taken the slot
		time.Sleep(sleepDelay)
		permit.Release()
		assert.Equal(t, []string{next.DeliveryID}, b.woken())
	})
}

// A delivery that needs no attempt frees its reserved slot immediately.
func TestForgetReservedFreesSlot(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		var held []string
		for range 3 {
			v := b.request("ep_a")
			b.deferred(v, Concurrency)
			held = append(held, v.DeliveryID)
		}
		time.Sleep(sleepDelay)
		b.Forget(held[1])
		b.Forget("dlv_unknown")
		permit.Release()
		require.Equal(t, held[:1], b.woken())
		b.Forget(held[0])
		assert.Equal(t, held[2:], b.woken())
	})
}

// Any replica can dequeue a woken task. A delivery that is older than the one with the reservation was woken by another replica, so it
// gets the slot.
func TestAcquireWokenByPeerTakesReservation(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		elder := b.delivery("ep_a", "dlv_0")
		elder.DueAt = elder.DueAt.Add(-time.Minute)
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		called := b.request("ep_a")
		b.deferred(called, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		require.Equal(t, []string{called.DeliveryID}, b.woken())

		permit = b.acquire(elder)
		b.deferred(called, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		assert.Equal(t, []string{called.DeliveryID}, b.woken())
	})
}

// Held deliveries are woken by due time. The order in which they were held does not matter.
func TestHeldWokenByDueTime(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		for _, v := range []struct {
			id  string
			due time.Duration
		}{{"dlv_c", -3 * time.Minute}, {"dlv_d", -time.Minute}, {"dlv_b", -4 * time.Minute}, {"dlv_e", -3 * time.Minute}, {"dlv_a", -4 * time.Minute}} {
			request := b.delivery("ep_a", v.id)
			request.DueAt = time.Now().Add(v.due)
			b.deferred(request, Concurrency)
		}
		var order []string
		for range 5 {
			time.Sleep(sleepDelay)
			permit.Release()
			woken := b.woken()
			require.Len(t, woken, 1)
			order = append(order, woken...)
			permit = b.acquire(b.delivery("ep_a", woken[0]))
		}
		assert.Equal(t, []string{"dlv_a", "dlv_b", "dlv_c", "dlv_e", "dlv_d"}, order)
	})
}

// asynq reschedules a task only after its handler has returned, so a wake before that has no effect.
func TestHeldNotYetAsleepIsNotWoken(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		v := b.request("ep_a")
		b.deferred(v, Concurrency)
		permit.Release()
		require.Empty(t, b.woken())
		time.Sleep(2 * tickInterval)
		assert.Equal(t, []string{v.DeliveryID}, b.woken())
	})
}

func TestWakeActiveTaskRepeats(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		busy, gone, next := b.request("ep_a"), b.request("ep_a"), b.request("ep_a")
		for _, v := range []Request{busy, gone, next} {
			b.deferred(v, Concurrency)
		}
		b.wakes.found = map[string]queue.WakeResult{busy.DeliveryID: queue.WakeActive, gone.DeliveryID: queue.WakeMissing}
		time.Sleep(sleepDelay)
		permit.Release()
		time.Sleep(6 * 2 * tickInterval)
		var want []string
		for range 1 + maxWakeTries {
			want = append(want, busy.DeliveryID)
		}
		assert.Equal(t, append(want, gone.DeliveryID, next.DeliveryID), b.woken()[:len(want)+2])
	})
}

// While Redis is unavailable, held deliveries stay held, wakes are tried once a second, and new deliveries may use the free slots.
func TestWakeRedisUnavailableRetries(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 2}, func(b *bench) {
		permits := []*Permit{b.acquire(b.request("ep_a")), b.acquire(b.request("ep_a"))}
		time.Sleep(time.Second)
		first, second := b.request("ep_a"), b.request("ep_a")
		b.deferred(first, Concurrency)
		b.deferred(second, Concurrency)
		b.wakes.setFails(true)
		time.Sleep(sleepDelay)
		for _, permit := range permits {
			permit.Release()
		}
		time.Sleep(10*time.Second + tickInterval/2)
		assert.InDelta(t, 20, len(b.woken()), 4, "two tasks once a second for 10 s")
		b.acquire(b.request("ep_a")).Release()

		b.wakes.setFails(false)
		time.Sleep(wakePause + tickInterval)
		assert.Equal(t, []string{first.DeliveryID, second.DeliveryID}, b.woken()[:2])
	})
}

// Without a Waker, held deliveries whose snooze ends take free slots.
func TestStopHeldReturnBySnooze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{PerEndpoint: 1})
		require.NoError(t, b.Stop(b.t.Context()), "before Start")
		b.options.Waker = nil
		permit := b.acquire(b.request("ep_a"))
		time.Sleep(time.Second)
		b.deferred(b.request("ep_a"), Concurrency)
		second := b.request("ep_a")
		b.deferred(second, Concurrency)
		permit.Release()
		b.acquire(second)
		b.Start()
		require.NoError(t, b.Stop(b.t.Context()))
		require.NoError(t, b.Stop(b.t.Context()), "again")
	})
}
