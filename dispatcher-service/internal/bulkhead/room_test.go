package bulkhead

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// While the slots of an endpoint are soon free again, deliveries for as many more are claimed. A slow endpoint, one that has not answered
// recently, or one that stalls gets what it has slots for.
func TestRoomOfQuickEndpoint(t *testing.T) {
	inBubble(t, Options{Workers: 80, PerEndpoint: 10}, func(b *bench) {
		assert.Equal(t, 10, b.Room("ep_a"), "nothing is known of it")
		b.acquire(b.request("ep_a")).Complete(quickly(time.Millisecond))
		assert.Equal(t, 20, b.Room("ep_a"))
		permit := b.acquire(b.request("ep_a"))
		assert.Equal(t, 19, b.Room("ep_a"))
		time.Sleep(maxSlotWait)
		assert.Equal(t, 18, b.Room("ep_a"), "the slot of an attempt that lasts is not soon free")
		time.Sleep(stalledAfter - maxSlotWait)
		assert.Less(t, b.Room("ep_a"), 10, "its attempt stalls")
		permit.Complete(quickly(stalledAfter))
		assert.Equal(t, 10, b.Room("ep_a"), "its attempts are long now")

		b.acquire(b.request("ep_b")).Complete(quickly(time.Millisecond))
		time.Sleep(recentAnswer)
		assert.Equal(t, 10, b.Room("ep_b"))
	})
}

// What limits a quick endpoint otherwise still does.
func TestRoomOfLimitedEndpoint(t *testing.T) {
	inBubble(t, Options{Workers: 80, PerEndpoint: 2}, func(b *bench) {
		b.acquire(b.request("ep_a")).Complete(quickly(time.Millisecond))
		first := b.acquire(b.request("ep_a"))
		assert.Equal(t, 3, b.Room("ep_a"))
		second := b.acquire(b.request("ep_a"))
		assert.Zero(t, b.Room("ep_a"), "all slots are taken")
		time.Sleep(maxSlotWait)
		b.deferred(b.request("ep_a"), Concurrency)
		first.Release()
		assert.Zero(t, b.Room("ep_a"), "the slot is for the delivery that is held")
		second.Release()

		for range 20 {
			b.acquire(b.request("ep_b")).Complete(refused())
			time.Sleep(time.Second)
		}
		assert.LessOrEqual(t, b.Room("ep_b"), 1, "its circuit is open")
	})
}
