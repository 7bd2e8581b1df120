package deletion_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/deletion"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// waiting is a store with deliveries that wait.
type waiting struct {
	mutex  sync.Mutex
	left   int64
	since  []time.Time
	limits []int
	takes  time.Duration
	err    error
}

func (w *waiting) EndDeleted(_ context.Context, since, _ time.Time, limit int) (int64, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	time.Sleep(w.takes)
	if w.err != nil {
		return 0, w.err
	}
	w.since, w.limits = append(w.since, since), append(w.limits, limit)
	ended := min(w.left, int64(limit))
	w.left -= ended
	return ended, nil
}

func (w *waiting) add(n int64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.left += n
}

func (w *waiting) remaining() int64 {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.left
}

func newEnder(w *waiting) (*deletion.Ender, *int64) {
	counted := new(int64)
	return deletion.New(deletion.Options{Store: w, Ended: func(n int64) { *counted += n }, Log: slog.New(slog.DiscardHandler)}), counted
}

// 50,000 deliveries end within a minute, although the work pauses for three times as long as it takes.
func TestRunEndsAllInBatchesWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{left: 50_000, takes: 20 * time.Millisecond}
		ender, counted := newEnder(w)
		began := time.Now()
		require.NoError(t, ender.Run(t.Context()))
		assert.Zero(t, w.left)
		assert.EqualValues(t, 50_000, *counted)
		assert.Less(t, time.Since(began), time.Minute)
		busy := time.Duration(len(w.limits)) * w.takes
		assert.GreaterOrEqual(t, time.Since(began), 3*busy, "the database has most of the time for others")
		for _, limit := range w.limits {
			assert.LessOrEqual(t, limit, 200)
		}
	})
}

func TestRunReadsRecentDeletionsOftenAndAllRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{}
		ender, _ := newEnder(w)
		require.NoError(t, ender.Run(t.Context()))
		require.NoError(t, ender.Run(t.Context()))
		time.Sleep(10 * time.Minute)
		require.NoError(t, ender.Run(t.Context()))
		require.Len(t, w.since, 3)
		assert.True(t, w.since[0].IsZero(), "dispatchers may have been stopped when an endpoint was deleted")
		assert.WithinDuration(t, time.Now().Add(-20*time.Minute), w.since[1], time.Second)
		assert.True(t, w.since[2].IsZero())
	})
}

func TestRunAfterErrorReadsAllAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{err: errors.New("unavailable")}
		ender, _ := newEnder(w)
		require.ErrorIs(t, ender.Run(t.Context()), w.err)
		w.err = nil
		require.NoError(t, ender.Run(t.Context()))
		assert.True(t, w.since[0].IsZero())
	})
}

func TestStartEndsWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{}
		ender, _ := newEnder(w)
		require.NoError(t, ender.Stop(t.Context()), "before Start")
		ender.Start()
		synctest.Wait()
		w.add(3)
		time.Sleep(3 * time.Second)
		assert.Zero(t, w.remaining())
		require.NoError(t, ender.Stop(t.Context()))
		require.NoError(t, ender.Stop(t.Context()), "again")
	})
}
