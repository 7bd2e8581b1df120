package operations_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/operations"
)

// everyRead asserts that each part was read as often as given.
func everyRead(t *testing.T, w *world, times int) {
	t.Helper()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, what := range []string{loads, failing, jobs, endpoints, organizations, minutes, summaries, "database", "redis"} {
		assert.Equal(t, times, w.reads[what], what)
	}
}

// TestOverviewManyPagesCostOne opens 200 pages.
func TestOverviewManyPagesCostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.takes = 100 * time.Millisecond
		o := w.operations()
		defer o.Close()
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				v, err := o.Overview(t.Context())
				assert.NoError(t, err)
				assert.Equal(t, w.loads, v.Organizations)
			})
		}
		group.Wait()
		everyRead(t, w, 1)
	})
}

func TestOverviewIsReadAgainAfter4Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		o := w.operations()
		defer o.Close()
		read := func() time.Time {
			v, err := o.Overview(t.Context())
			require.NoError(t, err)
			return v.At
		}
		first := read()
		time.Sleep(4*time.Second - time.Millisecond)
		assert.Equal(t, first, read())
		everyRead(t, w, 1)
		time.Sleep(time.Millisecond)
		assert.Equal(t, first.Add(4*time.Second), read())
		everyRead(t, w, 2)
		time.Sleep(time.Hour)
		everyRead(t, w, 2) // nothing is read while no page is open
	})
}

// TestOverviewFailureIsShared does not ask an unavailable store more often.
func TestOverviewFailureIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.fails = map[string]error{loads: errBroken}
		o := w.operations()
		defer o.Close()
		for range 10 {
			v, err := o.Overview(t.Context())
			require.NoError(t, err)
			require.ErrorIs(t, v.StoreErr, errBroken)
		}
		assert.Equal(t, 1, w.reads[loads])
	})
}

// TestOverviewCallerLeavesOthersGet ends the request that began the reading.
func TestOverviewCallerLeavesOthersGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.takes = time.Second
		o := w.operations()
		defer o.Close()
		ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer leave()
		_, err := o.Overview(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		v, err := o.Overview(t.Context())
		require.NoError(t, err)
		require.NoError(t, v.StoreErr)
		everyRead(t, w, 1)
	})
}

func TestOverviewCloseEndsReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.hangs = map[string]bool{loads: true}
		o := w.operations()
		read := make(chan operations.Overview, 1)
		go func() {
			v, err := o.Overview(t.Context())
			assert.NoError(t, err)
			read <- v
		}()
		synctest.Wait()
		began := time.Now()
		o.Close()
		assert.Zero(t, time.Since(began))
		require.ErrorIs(t, (<-read).StoreErr, context.Canceled)
		o.Close() // again
	})
}
