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

// inUse returns the bytes in use on the heap after a garbage collection.
func inUse() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// The number of remembered endpoints and their memory are bounded, even if every endpoint has failed.
func TestEndpointMemoryBounded(t *testing.T) {
	b := newBench(t, Options{})
	before := inUse()
	for i := range maxEndpoints + 20_000 {
		id := fmt.Sprintf("ep_01JDEADBEEFDEADBEEF%08d", i)
		permit := b.acquire(b.request(id))
		permit.Complete(refused())
	}
	used := inUse() - before
	require.Len(t, b.endpoints, maxEndpoints)
	assert.Nil(t, b.endpoints["ep_01JDEADBEEFDEADBEEF00000000"], "the least recently used endpoint is evicted")
	assert.Less(t, used, 60<<20)
	t.Logf("%d endpoints: %d MB, %d bytes each", len(b.endpoints), used>>20, used/len(b.endpoints))
	runtime.KeepAlive(b)
}

// The number of remembered deliveries and their memory are bounded. Deliveries beyond the bound are snoozed all the same.
func TestHeldMemoryBounded(t *testing.T) {
	b := newBench(t, Options{PerEndpoint: 1})
	before := inUse()
	for i := range 20 {
		b.acquire(b.request(fmt.Sprintf("ep_%d", i)))
	}
	time.Sleep(maxSlotWait)
	var longest time.Duration
	for i := range 20 {
		for range defaultMaxHeld / 20 * 2 {
			v := b.request(fmt.Sprintf("ep_%d", i))
			v.DeliveryID = "dlv_01JDEADBEEFDEADB" + v.DeliveryID
			longest = max(longest, time.Until(b.deferred(v, Concurrency).Until))
		}
	}
	require.LessOrEqual(t, longest, defaultLongestSnooze)
	used := inUse() - before
	b.consistent(t)
	assert.Len(t, b.held, defaultMaxHeld)
	assert.Equal(t, defaultMaxHeld/maxHeldShare, len(b.endpoints["ep_0"].held), "one endpoint leaves room for others")
	assert.Less(t, used, 30<<20)
	t.Logf("%d deliveries: %d MB, %d bytes each", len(b.held), used>>20, used/len(b.held))
	runtime.KeepAlive(b)
}

// known returns the number of remembered endpoints.
func (b *bench) known() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.endpoints)
}

func TestEndpointIdleIsEvicted(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		b.attempt("ep_well", quickly(time.Millisecond))
		b.openCircuit("ep_down")
		permit := b.acquire(b.request("ep_busy"))
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

// Endpoints in use are not evicted, even if there are more than maxEndpoints.
func TestEndpointInUseIsNotEvicted(t *testing.T) {
	b := newBench(t, Options{Workers: 4000})
	b.maxEndpoints = 100
	var permits []*Permit
	for i := range 300 {
		permits = append(permits, b.acquire(b.request(fmt.Sprintf("ep_%d", i))))
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
