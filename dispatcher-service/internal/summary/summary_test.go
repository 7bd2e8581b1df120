package summary_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/summary"
	"redrive/pkg/queue"
	"redrive/pkg/testlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publication records what is published.
type publication struct {
	mutex     sync.Mutex
	published []queue.Summary
	removed   int
	err       error
	block     bool
}

func (p *publication) Publish(ctx context.Context, s queue.Summary) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.published = append(p.published, s)
	if p.block {
		<-ctx.Done()
		return ctx.Err()
	}
	return p.err
}

func (p *publication) Remove(context.Context) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.removed++
	return p.err
}

// source describes the dispatcher.
type source func(*queue.Summary)

func (s source) Summarize(summary *queue.Summary) { s(summary) }

func TestPublisherPublishesEverySecondUntilStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p publication
		limit := 0
		publisher := summary.New(&p, slog.New(slog.DiscardHandler),
			source(func(s *queue.Summary) { limit++; s.Dispatcher.Limit = limit }),
			source(func(s *queue.Summary) { s.Dispatcher.Stopping = true }))
		require.NoError(t, publisher.Stop(t.Context()), "before Start")
		publisher.Start()
		time.Sleep(2*time.Second + time.Millisecond)
		require.NoError(t, publisher.Stop(t.Context()))
		require.Len(t, p.published, 3)
		host, err := os.Hostname()
		require.NoError(t, err)
		assert.Equal(t, queue.Summary{Dispatcher: queue.DispatcherState{Host: host, Limit: 3, Stopping: true}}, p.published[2])
		require.NoError(t, publisher.Stop(t.Context()), "again")
		assert.Equal(t, 3, p.removed)
		time.Sleep(time.Minute)
		assert.Len(t, p.published, 3)
	})
}

// A Redis that hangs delays neither the next summary nor the stop, and costs one line.
func TestPublisherRedisUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := publication{block: true, err: errors.New("connection refused")}
		var log testlog.Buffer
		publisher := summary.New(&p, slog.New(slog.NewTextHandler(&log, nil)))
		publisher.Start()
		time.Sleep(5*time.Second + time.Millisecond)
		synctest.Wait()
		began := time.Now()
		require.NoError(t, publisher.Stop(t.Context()))
		assert.Zero(t, time.Since(began))
		assert.Len(t, p.published, 3, "each takes a second, and the next follows a second later")
		assert.Equal(t, 1, log.Count("not published"))
		assert.Equal(t, 1, log.Count("not removed"))
	})
}
