package ratelimit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/ratelimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

func TestTakeBurstThenRate(t *testing.T) {
	table := ratelimit.New[string](10, 5, 100)
	for range 5 {
		require.Zero(t, table.Take("a", start))
	}
	for range 100 { // a refused request does not delay the next token
		require.Equal(t, 100*time.Millisecond, table.Take("a", start))
	}
	assert.Zero(t, table.Take("b", start), "everybody has a bucket of their own")

	later := start.Add(99 * time.Millisecond)
	assert.Equal(t, time.Millisecond, table.Take("a", later))
	later = start.Add(100 * time.Millisecond)
	assert.Zero(t, table.Take("a", later))
	assert.NotZero(t, table.Take("a", later))

	later = later.Add(time.Hour)
	for range 5 {
		assert.Zero(t, table.Take("a", later))
	}
	assert.NotZero(t, table.Take("a", later), "an hour fills the bucket and no more")
}

func TestTableSizeIsBounded(t *testing.T) {
	table := ratelimit.New[int](1, 2, 1000)
	for i := range 100_000 {
		require.Zero(t, table.Take(i, start))
		require.LessOrEqual(t, table.Len(), 1000)
	}
	require.Zero(t, table.Take(99_999, start))
	assert.NotZero(t, table.Take(99_999, start), "those that are in it are known")
	for i := range 999 {
		require.Zero(t, table.Take(i, start))
		require.NotZero(t, table.Take(99_999, start), "who goes on is not forgotten for others")
	}

	require.Zero(t, table.Take(-1, start.Add(time.Minute)))
	assert.Equal(t, 1, table.Len(), "buckets that are full again are not kept")
}

func TestTakeConcurrentIsExact(t *testing.T) {
	table := ratelimit.New[int](1, 50, 3)
	var taken atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if table.Take(1, start) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, 50, taken.Load())
}

func TestTakeNilTableUnlimited(t *testing.T) {
	table := ratelimit.New[string](0, 0, 0)
	for range 10_000 {
		require.Zero(t, table.Take("a", start))
	}
}

func TestTakeOfOwnLimit(t *testing.T) {
	table := ratelimit.NewOwn[string](100)
	for range 3 {
		require.Zero(t, table.TakeOf("a", 3, start))
	}
	require.NotZero(t, table.TakeOf("a", 3, start))
	assert.Zero(t, table.TakeOf("b", 1, start))
	assert.NotZero(t, table.TakeOf("b", 1, start))
	for range 1000 {
		require.Zero(t, table.TakeOf("c", 0, start), "0 is no limit")
	}
	assert.Equal(t, 2, table.Len())

	require.Equal(t, 100*time.Millisecond, table.TakeOf("a", 10, start), "a changed limit holds at once")
	later := start.Add(time.Second)
	for range 10 {
		require.Zero(t, table.TakeOf("a", 10, later))
	}
	assert.NotZero(t, table.TakeOf("a", 10, later))
}
