package recent_test

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

	"redrive/api-service/internal/recent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source counts how often it is asked, and takes its time.
type source struct {
	value atomic.Int32
	asked atomic.Int32
	takes time.Duration
	err   error
}

func (s *source) load(ctx context.Context) (int, error) {
	s.asked.Add(1)
	value := s.value.Load() // as it was when the question arrived
	select {
	case <-time.After(s.takes):
		return int(value), s.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestAValueLivesForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{}, recent.New[string, int]()
		get := func() int {
			value, err := c.Get(t.Context(), "k", s.load)
			require.NoError(t, err)
			return value
		}
		assert.Zero(t, get())
		s.value.Store(1)
		assert.Zero(t, get(), "remembered")
		time.Sleep(recent.Lifetime)
		assert.Equal(t, 1, get())
		s.value.Store(2)
		c.Forget("k")
		assert.Equal(t, 2, get(), "at once where it was changed")
		assert.EqualValues(t, 3, s.asked.Load())
	})
}

// The age counts from the question: a slow answer is as old as its question.
func TestASlowAnswerIsOldAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: 800 * time.Millisecond}, recent.New[string, int]()
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
				time.Sleep(10 * time.Millisecond) // the bubble's clock stands still while nobody waits
			}
			assert.LessOrEqual(t, time.Since(changed), recent.Lifetime+s.takes+10*time.Millisecond)
		}
	})
}

func TestOneAsksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, recent.New[string, int]()
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

// Whoever asks for all can go: another asks.
func TestTheOneWhoAsksGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, recent.New[string, int]()
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

// What was asked before a change is not what is told after it.
func TestForgetDuringALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{takes: time.Second / 2}, recent.New[string, int]()
		var group sync.WaitGroup
		group.Go(func() { _, _ = c.Get(t.Context(), "k", s.load) })
		synctest.Wait()
		s.value.Store(1)
		c.Forget("k")
		value, err := c.Get(t.Context(), "k", s.load)
		require.NoError(t, err)
		assert.Equal(t, 1, value)
		group.Wait()
		value, err = c.Get(t.Context(), "k", s.load)
		require.NoError(t, err)
		assert.Equal(t, 1, value)
	})
}

func TestErrorsAreNotRemembered(t *testing.T) {
	s, c := &source{err: errors.New("away")}, recent.New[string, int]()
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
	c := recent.New[int, int]()
	for key := range 50_000 {
		value, err := c.Get(t.Context(), key, func(context.Context) (int, error) { return key, nil })
		require.NoError(t, err)
		require.Equal(t, key, value)
	}
}
