package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/groupcommit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errOdd = errors.New("odd")

// writeNumbers is a Write whose result is the item as text. Odd items fail with errOdd.
func writeNumbers(_ context.Context, items []int) ([]string, []error) {
	results, failures := make([]string, len(items)), make([]error, len(items))
	for i, item := range items {
		results[i] = strconv.Itoa(item)
		if item%2 == 1 {
			failures[i] = errOdd
		}
	}
	return results, failures
}

func TestDoConcurrentReturnsOwnResult(t *testing.T) {
	t.Parallel()
	for _, options := range []groupcommit.Options{{}, {MaxBatch: 1}, {MaxBatch: 3, Writers: 1}, {MaxBatch: 7, Writers: 5}} {
		var largest, total atomic.Int64
		options.Observe = func(size int) {
			total.Add(int64(size))
			for {
				seen := largest.Load()
				if int64(size) <= seen || largest.CompareAndSwap(seen, int64(size)) {
					return
				}
			}
		}
		group := groupcommit.New(writeNumbers, options)
		var callers sync.WaitGroup
		for item := range 2_000 {
			callers.Go(func() {
				result, err := group.Do(t.Context(), item)
				assert.Equal(t, strconv.Itoa(item), result)
				assert.Equal(t, item%2 == 1, errors.Is(err, errOdd))
			})
		}
		callers.Wait()
		group.Close()
		assert.EqualValues(t, 2_000, total.Load())
		if options.MaxBatch > 0 {
			assert.LessOrEqual(t, largest.Load(), int64(options.MaxBatch))
		}
	}
}

// Items that arrive during a write form the next batch. An item that arrives in an idle group is written at once.
func TestDoDuringWriteFormsNextBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		group := groupcommit.New(func(ctx context.Context, items []int) ([]string, []error) {
			time.Sleep(time.Second) // the bubble's clock
			return writeNumbers(ctx, items)
		}, groupcommit.Options{Writers: 1, MaxBatch: 8, Observe: func(size int) { sizes = append(sizes, size) }})
		var callers sync.WaitGroup
		ask := func(item int) {
			callers.Go(func() {
				_, err := group.Do(t.Context(), item)
				assert.NoError(t, err)
			})
			synctest.Wait()
		}
		begin := time.Now()
		for item := range 12 {
			ask(2 * item)
		}
		callers.Wait()
		assert.Equal(t, 3*time.Second, time.Since(begin))
		ask(0)
		callers.Wait()
		assert.Equal(t, 4*time.Second, time.Since(begin), "an idle group writes at once")
		group.Close()
		assert.Equal(t, []int{1, 8, 3, 1}, sizes)
	})
}

// A batch lingers while items arrive fast, and not after an idle time.
func TestLingerOnlyWhileItemsArriveFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		group := groupcommit.New(writeNumbers, groupcommit.Options{Writers: 1, Linger: 5 * time.Millisecond, Observe: func(size int) { sizes = append(sizes, size) }})
		ask := func() time.Duration {
			begin := time.Now()
			_, err := group.Do(t.Context(), 0)
			assert.NoError(t, err)
			return time.Since(begin)
		}
		for range 100 {
			assert.Zero(t, ask(), "items that arrive every 10 ms are not delayed")
			time.Sleep(10 * time.Millisecond)
		}
		assert.Len(t, sizes, 100)

		var callers sync.WaitGroup
		var mutex sync.Mutex
		var longest time.Duration
		for range 1000 { // one item each millisecond
			callers.Go(func() {
				took := ask()
				mutex.Lock()
				defer mutex.Unlock()
				longest = max(longest, took)
			})
			time.Sleep(time.Millisecond)
		}
		callers.Wait()
		assert.Less(t, len(sizes)-100, 300, "batches")
		assert.Equal(t, 5*time.Millisecond, longest)

		sizes = nil
		for range 20 { // the average gap grows again
			time.Sleep(20 * time.Millisecond)
			ask()
		}
		assert.Zero(t, ask())
		assert.Len(t, sizes, 21)
		group.Close()
	})
}

func TestDoCanceledDuringWriteLeavesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := groupcommit.New(func(ctx context.Context, items []int) ([]string, []error) {
			time.Sleep(time.Second)
			assert.NoError(t, ctx.Err())
			return writeNumbers(ctx, items)
		}, groupcommit.Options{Writers: 1})
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var callers sync.WaitGroup
		for item, ctx := range []context.Context{t.Context(), short, t.Context()} {
			callers.Go(func() {
				result, err := group.Do(ctx, 2*item)
				if ctx == short {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Empty(t, result)
					return
				}
				assert.NoError(t, err)
				assert.Equal(t, strconv.Itoa(2*item), result)
			})
			synctest.Wait()
		}
		callers.Wait()
		group.Close()
	})
}

func TestDoContextDoneWritesNothing(t *testing.T) {
	t.Parallel()
	written := 0
	group := groupcommit.New(func(ctx context.Context, items []int) ([]string, []error) {
		written += len(items)
		return writeNumbers(ctx, items)
	}, groupcommit.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := group.Do(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
	group.Close()
	assert.Zero(t, written)
}

// A batch that times out, panics or has too few results fails its own callers. The next batch is written.
func TestWriteFailsNextBatchIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, bad := range map[string]groupcommit.Write[int, string]{
			"deadline": func(ctx context.Context, items []int) ([]string, []error) {
				<-ctx.Done()
				return make([]string, len(items)), []error{ctx.Err()}
			},
			"a bug":          func(context.Context, []int) ([]string, []error) { panic("a bug") },
			"0 results":      func(context.Context, []int) ([]string, []error) { return nil, nil },
			"2 results and ": func(context.Context, []int) ([]string, []error) { return make([]string, 2), make([]error, 1) },
		} {
			broken := true
			group := groupcommit.New(func(ctx context.Context, items []int) ([]string, []error) {
				if broken {
					return bad(ctx, items)
				}
				return writeNumbers(ctx, items)
			}, groupcommit.Options{Timeout: time.Second})
			_, err := group.Do(t.Context(), 0)
			require.ErrorContains(t, err, name)
			broken = false
			_, err = group.Do(t.Context(), 0)
			require.NoError(t, err)
			group.Close()
		}
	})
}

func TestCloseWritesPendingItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := groupcommit.New(func(ctx context.Context, items []int) ([]string, []error) {
			time.Sleep(time.Second)
			return writeNumbers(ctx, items)
		}, groupcommit.Options{Writers: 1})
		var callers sync.WaitGroup
		for item := range 5 {
			callers.Go(func() {
				_, err := group.Do(t.Context(), 2*item)
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		group.Close()
		callers.Wait()
		_, err := group.Do(t.Context(), 0)
		require.ErrorIs(t, err, groupcommit.ErrClosed)
		group.Close()
	})
}

func BenchmarkDo(b *testing.B) {
	for _, writers := range []int{1, 2} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			group := groupcommit.New(writeNumbers, groupcommit.Options{Writers: writers})
			b.SetParallelism(100)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = group.Do(b.Context(), 2)
				}
			})
			group.Close()
		})
	}
}
