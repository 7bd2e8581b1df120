package minutes_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/minutes"
	"redrive/pkg/testlog"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink records what is added.
type sink struct {
	mutex sync.Mutex
	calls int
	added map[webhook.Minute]map[string]int64
	err   error
	block bool
}

func (s *sink) AddMinutes(ctx context.Context, _ time.Time, counts map[webhook.Minute]map[string]int64) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.calls++
	if s.block {
		<-ctx.Done()
		return ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	for minute, results := range counts {
		if s.added == nil {
			s.added = map[webhook.Minute]map[string]int64{}
		}
		if s.added[minute] == nil {
			s.added[minute] = map[string]int64{}
		}
		for result, count := range results {
			s.added[minute][result] += count
		}
	}
	return nil
}

func (s *sink) set(change func(*sink)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change(s)
}

// started starts a Counter within the bubble of the test.
func started(t *testing.T, s *sink) (*minutes.Counter, *testlog.Buffer) {
	t.Helper()
	log := &testlog.Buffer{}
	counter := minutes.New(s, slog.New(slog.NewTextHandler(log, nil)))
	counter.Start()
	return counter, log
}

func success() webhook.Attempt {
	return webhook.Attempt{StartedAt: webhook.Now(), Outcome: webhook.AttemptSuccess, ResponseStatus: 200}
}

func refused() webhook.Attempt {
	return webhook.Attempt{StartedAt: webhook.Now(), Outcome: webhook.AttemptFailure, ErrorCode: webhook.ErrorConnectionRefused}
}

func TestCounterAddsOnceASecondWhatWasCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		counter, _ := started(t, &s)
		minute := webhook.MinuteOf(time.Now())
		for range 3 {
			counter.Count(success())
		}
		counter.Count(refused())
		late := success()
		late.StartedAt = late.StartedAt.Add(-time.Minute - time.Millisecond)
		counter.Count(late)
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		assert.Equal(t, 1, s.calls)
		assert.Equal(t, map[webhook.Minute]map[string]int64{
			minute: {"success": 3, "connection_refused": 1}, minute - 2: {"success": 1},
		}, s.added, "by the minute in which the attempt ended")
		require.NoError(t, counter.Stop(t.Context()))
		assert.Equal(t, 1, s.calls)
	})
}

func TestCounterIdleSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		counter, _ := started(t, &s)
		time.Sleep(time.Hour)
		require.NoError(t, counter.Stop(t.Context()))
		assert.Zero(t, s.calls)
	})
}

func TestCounterStopAddsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		counter, _ := started(t, &s)
		counter.Count(success())
		require.NoError(t, counter.Stop(t.Context()))
		assert.Equal(t, int64(1), s.added[webhook.MinuteOf(time.Now())]["success"])
		require.NoError(t, counter.Stop(t.Context()), "again")
		assert.Equal(t, 1, s.calls)
	})
	require.NoError(t, minutes.New(&sink{}, slog.New(slog.DiscardHandler)).Stop(t.Context()), "before Start")
}

// TestCounterRedisUnavailable keeps what was counted and logs one line for the outage.
func TestCounterRedisUnavailable(t *testing.T) {
	for name, fail := range map[string]func(*sink){
		"refuses": func(s *sink) { s.err = errors.New("connection refused") },
		"hangs":   func(s *sink) { s.block = true },
	} {
		synctest.Test(t, func(t *testing.T) {
			var s sink
			fail(&s)
			counter, log := started(t, &s)
			minute := webhook.MinuteOf(time.Now())
			for range 5 {
				counter.Count(success())
				time.Sleep(2 * time.Second)
			}
			s.set(func(s *sink) { s.err, s.block = nil, false })
			time.Sleep(2 * time.Second)
			counter.Count(success())
			require.NoError(t, counter.Stop(t.Context()), name)
			assert.Equal(t, map[webhook.Minute]map[string]int64{minute: {"success": 6}}, s.added, name)
			assert.Equal(t, 1, log.Count("attempts not counted by minute"), name)
			assert.Equal(t, 1, log.Count("attempts counted by minute again"), name)
		})
	}
}

// TestCounterLongOutageKeeps70Minutes bounds what is kept while Redis is unavailable.
func TestCounterLongOutageKeeps70Minutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{err: errors.New("connection refused")}
		counter, _ := started(t, &s)
		for range 200 {
			counter.Count(success())
			time.Sleep(time.Minute)
		}
		s.set(func(s *sink) { s.err = nil })
		require.NoError(t, counter.Stop(t.Context()))
		now := webhook.MinuteOf(time.Now())
		for minute := range maps.Keys(s.added) {
			assert.Greater(t, minute, now-70)
		}
		assert.Len(t, s.added, 69, "the running minute has no attempt")
	})
}

func TestCounterStopRedisUnavailableLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sink{block: true}
		counter, log := started(t, &s)
		counter.Count(success())
		began := time.Now()
		require.NoError(t, counter.Stop(t.Context()))
		assert.LessOrEqual(t, time.Since(began), time.Second)
		assert.Equal(t, 1, log.Count("last attempts not counted by minute"))
	})
}

// TestCounterConcurrent counts while counts are added.
func TestCounterConcurrent(t *testing.T) {
	var s sink
	counter := minutes.New(&s, slog.New(slog.DiscardHandler))
	counter.Start()
	const workers, each = 8, 5000
	minute := webhook.MinuteOf(time.Now())
	attempt := success()
	attempt.StartedAt = minute.Start()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				counter.Count(attempt)
			}
		})
	}
	group.Wait()
	require.NoError(t, counter.Stop(t.Context()))
	assert.EqualValues(t, workers*each, s.added[minute]["success"])
}
