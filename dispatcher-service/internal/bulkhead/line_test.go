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
		deferral := b.out(b.visit("ep_a"), Concurrency)
		assert.Equal(t, begin, time.Now(), "nobody waits for an endpoint that does not move")
		assert.Equal(t, begin.Add(45*time.Second), deferral.Until)
		assert.Equal(t, "held: the endpoint has 50 attempts in flight, and may not have more at the moment", deferral.Reason)
		b.in(b.visit("ep_b"))

		permits[0].Complete(refused())
		deferral = b.out(b.visit("ep_a"), Concurrency)
		assert.Contains(t, deferral.Reason, "; its last error: the connection was refused")
	})
}

// A free slot is reserved for the oldest held delivery. No other delivery gets it meanwhile.
func TestFreeSlotGoesToOldestHeld(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		second, third := b.visit("ep_a"), b.visit("ep_a")
		b.out(second, Concurrency)
		b.out(third, Concurrency)
		time.Sleep(time.Minute)
		require.Empty(t, b.woken())

		permit.Complete(quickly(time.Second))
		permit.Complete(quickly(time.Second))
		permit.Release()
		require.Equal(t, []string{second.DeliveryID}, b.woken(), "one for one slot")
		b.out(b.visit("ep_a"), Concurrency)
		b.out(third, Concurrency) // its snooze has ended
		permit = b.in(second)
		time.Sleep(time.Second)
		require.Empty(t, b.woken())

		permit.Release()
		require.Equal(t, []string{third.DeliveryID}, b.woken())
		b.in(third)
	})
}

// A reservation expires: the task may be gone, or another replica may have it.
func TestReservationExpires(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		gone, next := b.visit("ep_a"), b.visit("ep_a")
		b.out(gone, Concurrency)
		b.out(next, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		require.Equal(t, []string{gone.DeliveryID}, b.woken())
		time.Sleep(reservationTTL - tickInterval)
		for _, id := range b.woken() {
			require.Equal(t, gone.DeliveryID, id, "again, should another replica have put it off")
		}
		time.Sleep(2 * tickInterval)
		require.Equal(t, []string{next.DeliveryID}, b.woken())
		permit = b.in(gone)
		b.out(next, Concurrency) // the older one has come after all
		time.Sleep(sleepDelay)
		permit.Release()
		assert.Equal(t, []string{next.DeliveryID}, b.woken())
	})
}

// A delivery that needs no attempt frees its reserved slot at once.
func TestForgetFreesReservation(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		var held []string
		for range 3 {
			v := b.visit("ep_a")
			b.out(v, Concurrency)
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

// Any replica can be given the task that one has woken. An older delivery than the one that the slot is kept for must have
// been woken by another.
func TestWokenByAnotherReplica(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		elder := b.delivery("ep_a", "dlv_0")
		elder.DueAt = elder.DueAt.Add(-time.Minute)
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		called := b.visit("ep_a")
		b.out(called, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		require.Equal(t, []string{called.DeliveryID}, b.woken())

		permit = b.in(elder)
		b.out(called, Concurrency)
		time.Sleep(sleepDelay)
		permit.Release()
		assert.Equal(t, []string{called.DeliveryID}, b.woken())
	})
}

// Whatever the order in which they come: another replica may have had them before, or they have been called in vain.
func TestHeldAreWokenByDueTime(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		for _, v := range []struct {
			id  string
			due time.Duration
		}{{"dlv_c", -3 * time.Minute}, {"dlv_d", -time.Minute}, {"dlv_b", -4 * time.Minute}, {"dlv_e", -3 * time.Minute}, {"dlv_a", -4 * time.Minute}} {
			visit := b.delivery("ep_a", v.id)
			visit.DueAt = time.Now().Add(v.due)
			b.out(visit, Concurrency)
		}
		var order []string
		for range 5 {
			time.Sleep(sleepDelay)
			permit.Release()
			woken := b.woken()
			require.Len(t, woken, 1)
			order = append(order, woken...)
			permit = b.in(b.delivery("ep_a", woken[0]))
		}
		assert.Equal(t, []string{"dlv_a", "dlv_b", "dlv_c", "dlv_e", "dlv_d"}, order)
	})
}

// asynq puts a task to sleep after its handler has returned: to wake it before that would be in vain.
func TestHeldIsNotWokenBeforeItSleeps(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		v := b.visit("ep_a")
		b.out(v, Concurrency)
		permit.Release()
		require.Empty(t, b.woken())
		time.Sleep(2 * tickInterval)
		assert.Equal(t, []string{v.DeliveryID}, b.woken())
	})
}

func TestActiveTaskIsWokenAgain(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 1}, func(b *bench) {
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		busy, gone, next := b.visit("ep_a"), b.visit("ep_a"), b.visit("ep_a")
		for _, v := range []Request{busy, gone, next} {
			b.out(v, Concurrency)
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

// While Redis is away nobody is forgotten and nothing hammered, and a slot is no use to those that cannot be called.
func TestRedisAwayWhileWaking(t *testing.T) {
	inBubble(t, Options{PerEndpoint: 2}, func(b *bench) {
		permits := []*Permit{b.in(b.visit("ep_a")), b.in(b.visit("ep_a"))}
		time.Sleep(time.Second)
		first, second := b.visit("ep_a"), b.visit("ep_a")
		b.out(first, Concurrency)
		b.out(second, Concurrency)
		b.wakes.set(true)
		time.Sleep(sleepDelay)
		for _, permit := range permits {
			permit.Release()
		}
		time.Sleep(10*time.Second + tickInterval/2)
		assert.InDelta(t, 20, len(b.woken()), 4, "two, once a second")
		b.in(b.visit("ep_a")).Release()

		b.wakes.set(false)
		time.Sleep(wakePause + tickInterval)
		assert.Equal(t, []string{first.DeliveryID, second.DeliveryID}, b.woken()[:2])
	})
}

// Without anybody to wake them, the deliveries that come back take what there is.
func TestStopLetsHeldReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{PerEndpoint: 1})
		require.NoError(t, b.Stop(b.t.Context()), "before Start")
		b.options.Waker = nil
		permit := b.in(b.visit("ep_a"))
		time.Sleep(time.Second)
		b.out(b.visit("ep_a"), Concurrency)
		second := b.visit("ep_a")
		b.out(second, Concurrency)
		permit.Release()
		b.in(second)
		b.Start()
		require.NoError(t, b.Stop(b.t.Context()))
		require.NoError(t, b.Stop(b.t.Context()), "again")
	})
}
