package bulkhead

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inUse is the memory that is in use.
func inUse() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// However many endpoints there are, and even if all of them have something the matter with them.
func TestMemoryOfEndpoints(t *testing.T) {
	b := newBench(t, Options{})
	before := inUse()
	for i := range maxEndpoints + 20_000 {
		id := fmt.Sprintf("ep_01JDEADBEEFDEADBEEF%08d", i)
		permit := b.in(b.visit(id))
		permit.Complete(refused())
	}
	used := inUse() - before
	require.Len(t, b.endpoints, maxEndpoints)
	assert.Nil(t, b.endpoints["ep_01JDEADBEEFDEADBEEF00000000"], "the one that was used longest ago")
	assert.Less(t, used, 60<<20)
	t.Logf("%d endpoints: %d MB, %d bytes each", len(b.endpoints), used>>20, used/len(b.endpoints))
	runtime.KeepAlive(b)
}

// However many deliveries are held. What there is no room for is snoozed all the same.
func TestMemoryOfHeld(t *testing.T) {
	b := newBench(t, Options{PerEndpoint: 1})
	before := inUse()
	for i := range 20 {
		b.in(b.visit(fmt.Sprintf("ep_%d", i)))
	}
	time.Sleep(maxSlotWait)
	var longest time.Duration
	for i := range 20 {
		for range defaultMaxHeld / 20 * 2 {
			v := b.visit(fmt.Sprintf("ep_%d", i))
			v.DeliveryID = "dlv_01JDEADBEEFDEADB" + v.DeliveryID
			longest = max(longest, time.Until(b.out(v, Concurrency).Until))
		}
	}
	require.LessOrEqual(t, longest, defaultLongestSnooze)
	used := inUse() - before
	b.consistent(t)
	assert.Len(t, b.held, defaultMaxHeld)
	assert.Equal(t, defaultMaxHeld/maxHeldShare, len(b.endpoints["ep_0"].held), "and leaves room for others")
	assert.Less(t, used, 30<<20)
	t.Logf("%d deliveries: %d MB, %d bytes each", len(b.held), used>>20, used/len(b.held))
	runtime.KeepAlive(b)
}

// known is how many endpoints are.
func (b *bench) known() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.endpoints)
}

func TestIdleEndpointsAreEvicted(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.attempt("ep_well", quickly(time.Millisecond))
		b.trip("ep_down")
		permit := b.in(b.visit("ep_busy"))
		time.Sleep(idleTTL - time.Second)
		b.attempt("ep_used", quickly(time.Millisecond))
		require.EqualValues(t, 4, b.known())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 2, b.known())
		permit.Complete(quickly(time.Millisecond))
		time.Sleep(2 * idleTTL)
		synctest.Wait()
		b.consistent(t)
		assert.Zero(t, b.known())
	})
}

// Those that are in use stay, even if they are too many.
func TestEndpointsInUseAreNotEvicted(t *testing.T) {
	b := newBench(t, Options{Workers: 4000})
	b.maxEndpoints = 100
	var permits []*Permit
	for i := range 300 {
		permits = append(permits, b.in(b.visit(fmt.Sprintf("ep_%d", i))))
	}
	b.consistent(t)
	require.Len(t, b.endpoints, 300)
	for _, permit := range permits {
		permit.Complete(quickly(time.Millisecond))
	}
	b.attempt("ep_new", quickly(time.Millisecond))
	b.consistent(t)
	assert.Len(t, b.endpoints, 300)
}
