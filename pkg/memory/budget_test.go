package memory

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	unit  = 1 << 20
	large = 2 * unit
	full  = 16 * unit
)

// hold reserves at once.
func hold(t *testing.T, b *Budget, owner string, size int64) *Reservation {
	t.Helper()
	r := b.TryReserve(owner, size)
	require.NotNil(t, r)
	t.Cleanup(r.Release)
	return r
}

// await reserves in the background.
func await(t *testing.T, b *Budget, owner string, size int64) <-chan *Reservation {
	t.Helper()
	got := make(chan *Reservation, 1)
	go func() {
		r, err := b.Reserve(t.Context(), owner, size)
		assert.NoError(t, err)
		got <- r
	}()
	synctest.Wait()
	return got
}

func TestReserveOwnerHasHalf(t *testing.T) {
	b := New(full)
	hold(t, b, "a", full/2)
	assert.Nil(t, b.TryReserve("a", large), "the owner's half is in use")
	hold(t, b, "b", large)
	hold(t, b, "a", Small)
}

func TestReserveLargeLeavesQuarterToSmall(t *testing.T) {
	b := New(full)
	hold(t, b, "a", full/2)
	hold(t, b, "b", full/4)
	assert.Nil(t, b.TryReserve("c", large))
	for range full / 4 / Small {
		hold(t, b, "c", Small)
	}
	assert.Nil(t, b.TryReserve("c", Small), "the whole budget is in use")
}

func TestReserveLargerThanBudgetIsAlone(t *testing.T) {
	b := New(full)
	r := hold(t, b, "a", 10*full)
	assert.Nil(t, b.TryReserve("a", large))
	r.Release()
	hold(t, b, "a", large)
}

func TestReserveInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(full)
		first := hold(t, b, "a", full/2)
		biggest := await(t, b, "a", full/2)
		later := await(t, b, "a", large)
		other := await(t, b, "b", large)
		require.Len(t, other, 1, "another owner does not wait")
		(<-other).Release()
		assert.EqualValues(t, 2, b.waiting.Load())
		first.Release()
		synctest.Wait()
		require.Len(t, biggest, 1, "the smaller one that came later does not overtake it")
		require.Empty(t, later)
		(<-biggest).Release()
		(<-later).Release()
		assert.Zero(t, b.waiting.Load())
	})
}

func TestReserveGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(full)
		r := hold(t, b, "a", full/2)
		began := time.Now()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := b.Reserve(short, "a", large)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = b.Reserve(canceled, "a", large)
		require.ErrorIs(t, err, context.Canceled)
		r.Release()
		r.Release()
		assert.Empty(t, b.owners)
		hold(t, b, "a", full/2)
	})
}

func TestMetricsShowState(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := New(full)
	b.Register(registry)
	hold(t, b, "a", full/2)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Reserve(canceled, "a", large)
	require.Error(t, err)
	count, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	assert.Equal(t, 4, count)
	assert.EqualValues(t, full/2, b.inUse.Load())
	assert.EqualValues(t, 1, b.refused.Load())
}

// TestBudgetInvariants makes, waits for and releases reservations at random. No area is ever exceeded, and nothing is left in the end.
func TestBudgetInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(full)
		held := map[*Reservation]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			owner := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "owner"))
			size := rapid.SampledFrom([]int64{1, Small, Small + 1, large, full / 2, full}).Draw(t, "size")
			if r := b.TryReserve(owner, size); r != nil {
				held[r] = true
			}
			owners, larges, total := map[string]int64{}, int64(0), int64(0)
			for r := range held {
				total += min(r.size, full)
				if r.size > Small {
					owners[r.owner] += min(r.size, full/2)
					larges += min(r.size, full/4*3)
				}
			}
			require.LessOrEqual(t, total-larges, int64(full))
			require.LessOrEqual(t, larges, int64(full/4*3))
			for _, sum := range owners {
				require.LessOrEqual(t, sum, int64(full/2))
			}
			for r := range held {
				if rapid.Bool().Draw(t, "release") {
					r.Release()
					delete(held, r)
				}
			}
		}
		for r := range held {
			r.Release()
		}
		require.Zero(t, b.inUse.Load())
		require.Empty(t, b.owners)
		require.NotNil(t, b.TryReserve("x", full), "everything was given back")
	})
}
