package lastused_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"redrive/api-service/internal/lastused"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store records what was written. It fails while it has an error.
type store struct {
	mutex  sync.Mutex
	writes [][]webhook.APIKeyUse
	err    error
	hang   bool
}

func (s *store) RecordKeyUses(ctx context.Context, uses []webhook.APIKeyUse, interval time.Duration) error {
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if interval != lastused.Interval {
		return fmt.Errorf("the interval is %s", interval)
	}
	s.writes = append(s.writes, uses)
	return s.err
}

func (s *store) written() [][]webhook.APIKeyUse {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.writes)
}

func (s *store) count() int { return len(s.written()) }

func (s *store) fail(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.err = err
}

var quiet = slog.New(slog.DiscardHandler)

func key(id string) webhook.APIKey { return webhook.APIKey{ID: id} }

func TestUsedWrittenOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := lastused.New(s, quiet)
		defer r.Close()
		begin := time.Now()
		for time.Since(begin) < 150*time.Second {
			r.Used(key("a"), time.Now())
			time.Sleep(100 * time.Millisecond)
		}
		assert.Equal(t, [][]webhook.APIKeyUse{
			{{ID: "a", At: begin}}, {{ID: "a", At: begin.Add(time.Minute)}}, {{ID: "a", At: begin.Add(2 * time.Minute)}},
		}, s.written())
	})
}

func TestUsedManyKeysWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := lastused.New(s, quiet)
		defer r.Close()
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() { r.Used(key(fmt.Sprint(i)), time.Now()) })
		}
		group.Wait()
		assert.Zero(t, s.count(), "no request waits for it")
		time.Sleep(2 * time.Second)
		if assert.Equal(t, 1, s.count()) {
			assert.Len(t, s.written()[0], 100)
		}
	})
}

// A use that another process has written is not written again.
func TestUsedRecordedElsewhereNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := lastused.New(s, quiet)
		r.Used(webhook.APIKey{ID: "a", LastUsedAt: time.Now().Add(-59 * time.Second)}, time.Now())
		r.Close()
		assert.Empty(t, s.written())
	})
}

func TestCloseWritesPendingUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := lastused.New(s, quiet)
		begin := time.Now()
		r.Used(key("a"), begin)
		r.Close()
		assert.Zero(t, time.Since(begin), "at once")
		assert.Equal(t, [][]webhook.APIKeyUse{{{ID: "a", At: begin}}}, s.written())
		r.Used(key("b"), time.Now())
		r.Close()
		assert.Equal(t, 1, s.count(), "it has ended")
	})
}

func TestWriteFailedIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &store{err: errors.New("away")}
		r := lastused.New(s, slog.New(slog.NewTextHandler(&log, nil)))
		begin := time.Now()
		r.Used(key("a"), begin)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		assert.Equal(t, 2, s.count())
		assert.Contains(t, log.String(), "away")
		s.fail(nil)
		time.Sleep(10 * time.Second)
		assert.Equal(t, 3, s.count())
		time.Sleep(time.Minute)
		r.Close()
		assert.Equal(t, 3, s.count(), "it has been written")
		assert.Equal(t, []webhook.APIKeyUse{{ID: "a", At: begin}}, s.written()[2])
	})
}

// Close returns although the database hangs.
func TestCloseDatabaseHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		failing := lastused.New(&store{err: errors.New("away")}, quiet)
		failing.Used(key("a"), begin)
		failing.Close()
		assert.Zero(t, time.Since(begin))

		hanging := lastused.New(&store{hang: true}, quiet)
		hanging.Used(key("a"), begin)
		hanging.Close()
		assert.LessOrEqual(t, time.Since(begin), 5*time.Second)
	})
}

// The number of pending uses is bounded. A key beyond the bound is recorded by its next request.
func TestManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := lastused.New(s, quiet)
		written := map[string]bool{}
		for range 30 {
			for i := range 25_000 {
				if id := fmt.Sprint(i); !written[id] {
					r.Used(key(id), time.Now())
				}
			}
			time.Sleep(2 * time.Second)
			for _, uses := range s.written() {
				assert.LessOrEqual(t, len(uses), 1000)
				for _, use := range uses {
					written[use.ID] = true
				}
			}
		}
		r.Close()
		assert.Len(t, written, 25_000)
	})
}
