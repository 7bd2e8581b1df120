package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/api-service/internal/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source is a slow value that counts its loads.
type source struct {
	value atomic.Int32
	asked atomic.Int32
	takes time.Duration
	err   error
}

func (s *source) load(ctx context.Context) (int, error) {
	s.asked.Add(1)
	value := s.value.Load() // the value at the start of the load
	select {
	case <-time.After(s.takes):
		return int(value), s.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestGetCachesForLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{}, cache.New[string, int]()
		get := func() int {
			value, err := c.Get(t.Context(), "k", s.load)
			require.NoError(t, err)
			return value
		}
		assert.Zero(t, get())
		s.value.Store(1)
		assert.Zero(t, get(), "remembered")
		time.Sleep(cache.Lifetime)
		assert.Equal(t, 1, get())
		s.value.Store(2)
		c.Invalidate("k")
		assert.Equal(t, 2, get(), "at once where it was changed")
		assert.EqualValues(t, 3, s.asked.Load())
	})
}

// The age of a value counts from the start of its load.
func TestGetAgeCountsFromStartOfLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: 800 * time.Millisecond}, cache.New[string, int]()
		begin := time.Now()
		for time.Since(begin) < 10*time.Second {
			changed := time.Now()
			s.value.Add(1)
			want := int(s.value.Load())
			for {
				value, err := c.Get(t.Context(), "k", s.load)
				require.NoError(t, err)
				if value == want {
					break
				}
				time.Sleep(10 * time.Millisecond) // virtual time advances only while all goroutines wait
			}
			assert.LessOrEqual(t, time.Since(changed), cache.Lifetime+s.takes+10*time.Millisecond)
		}
	})
}

func TestGetConcurrentLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, cache.New[string, int]()
		s.value.Store(7)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				value, err := c.Get(t.Context(), "k", s.load)
				assert.NoError(t, err)
				assert.Equal(t, 7, value)
			})
		}
		group.Wait()
		assert.EqualValues(t, 1, s.asked.Load())
	})
}

// If the context of the loading caller is canceled, another caller loads.
func TestGetLoaderCanceledAnotherLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, cache.New[string, int]()
		s.value.Store(7)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := c.Get(ctx, "k", s.load)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		group.Go(func() {
			value, err := c.Get(t.Context(), "k", s.load)
			assert.NoError(t, err)
			assert.Equal(t, 7, value)
		})
		synctest.Wait()
		cancel()
		group.Wait()
	})
}

// A load that began before a change is not used after it.
func TestInvalidateDuringLoadLoadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, cache.New[string, int]()
		var group sync.WaitGroup
		group.Go(func() { _, _ = c.Get(t.Context(), "k", s.load) })
		synctest.Wait()
		s.value.Store(1)
		c.Invalidate("k")
		value, err := c.Get(t.Context(), "k", s.load)
		require.NoError(t, err)
		assert.Equal(t, 1, value)
		group.Wait()
		value, err = c.Get(t.Context(), "k", s.load)
		require.NoError(t, err)
		assert.Equal(t, 1, value)
	})
}

func TestNewLastingCachesForItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{}, cache.NewLasting[string, int](100*time.Millisecond)
		for _, asked := range []int32{1, 1, 2} {
			_, err := c.Get(t.Context(), "k", s.load)
			require.NoError(t, err)
			assert.Equal(t, asked, s.asked.Load())
			time.Sleep(50 * time.Millisecond)
		}
	})
}

func TestGetErrorNotCached(t *testing.T) {
	s, c := &source{err: errors.New("away")}, cache.New[string, int]()
	for range 3 {
		_, err := c.Get(t.Context(), "k", s.load)
		require.ErrorIs(t, err, s.err)
	}
	s.err = nil
	_, err := c.Get(t.Context(), "k", s.load)
	require.NoError(t, err)
	assert.EqualValues(t, 4, s.asked.Load())
}

func TestManyKeys(t *testing.T) {
	c := cache.New[int, int]()
	for key := range 50_000 {
		value, err := c.Get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
		require.NoError(t, err)
		require.Equal(t, key, value)
	}
}

func TestInvalidateKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: 10 * time.Millisecond}, cache.New[string, int]()
		var group sync.WaitGroup
		for _, key := range []string{"a1", "a2", "b1"} {
			group.Go(func() { _, _ = c.Get(t.Context(), key, s.load) })
		}
		synctest.Wait()
		s.value.Store(1)
		c.InvalidateKeys(func(key string) bool { return key[0] == 'a' })
		group.Wait()
		for key, want := range map[string]int{"a1": 1, "a2": 1, "b1": 0} {
			value, err := c.Get(t.Context(), key, s.load)
			require.NoError(t, err)
			assert.Equal(t, want, value, key)
		}
	})
}

// A value that is too large is not cached, and all values are dropped when they are too large together.
func TestNewSized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.NewSized[string](time.Second, cache.Size[int]{Of: func(value int) int { return value }, Value: 10, All: 25})
		loads := 0
		get := func(key string, size int) (loaded bool) {
			before := loads
			value, err := c.Get(t.Context(), key, func(context.Context) (int, error) {
				loads++
				return size, nil
			})
			require.NoError(t, err)
			require.Equal(t, size, value)
			return loads > before
		}
		require.True(t, get("large", 11))
		assert.True(t, get("large", 11), "too large to be cached")
		require.True(t, get("a", 10))
		require.True(t, get("b", 10))
		assert.False(t, get("a", 10))
		c.Invalidate("b")
		require.True(t, get("b", 10))
		assert.False(t, get("a", 10), "a removed value takes no memory")
		require.True(t, get("c", 10))
		assert.True(t, get("a", 10), "30 bytes are too much")
		time.Sleep(time.Second)
		require.True(t, get("d", 10))
		require.True(t, get("e", 10))
		assert.False(t, get("d", 10), "expired values make room")
	})
}
