package operational_test

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

	"redrive/dispatcher-service/internal/operational"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a store with endpoints to publish, and a queue.
type fake struct {
	mutex    sync.Mutex
	left     int
	calls    int
	failure  error
	enqueued []string
	block    chan struct{}
}

func (f *fake) PublishExhausted(_ context.Context, _ time.Time, limit int) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.calls++
	if f.failure != nil {
		return 0, f.failure
	}
	published := min(f.left, limit)
	f.left -= published
	return published, nil
}

func (f *fake) EnqueueLane(_ context.Context, items []queue.Item) ([]queue.Placement, error) {
	if f.block != nil {
		<-f.block
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, item := range items {
		f.enqueued = append(f.enqueued, item.DeliveryID)
	}
	return nil, f.failure
}

func (f *fake) seen() (left, calls int, enqueued []string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.left, f.calls, f.enqueued
}

func TestPublishesWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{left: 120}
		p := operational.New(f, f, slog.New(slog.DiscardHandler))
		p.Start()
		time.Sleep(6 * time.Second)
		left, calls, _ := f.seen()
		assert.Zero(t, left)
		assert.Equal(t, 3, calls, "as many batches as it takes")
		f.mutex.Lock()
		f.left, f.failure = 1, errors.New("unavailable")
		f.mutex.Unlock()
		time.Sleep(5 * time.Second)
		f.mutex.Lock()
		f.failure = nil
		f.mutex.Unlock()
		time.Sleep(5 * time.Second)
		left, _, _ = f.seen()
		assert.Zero(t, left, "a failure ends by itself")
		require.NoError(t, p.Stop(t.Context()))
		require.NoError(t, p.Stop(t.Context()))
	})
}

func TestEnqueuesWithoutBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{block: make(chan struct{})}
		p := operational.New(f, f, slog.New(slog.DiscardHandler))
		p.Start()
		for range 2000 { // more than may wait
			p.Enqueue(t.Context(), webhook.Delivery{ID: "dlv"})
		}
		synctest.Wait()
		close(f.block)
		synctest.Wait()
		_, _, enqueued := f.seen()
		assert.GreaterOrEqual(t, len(enqueued), 1024)
		assert.Less(t, len(enqueued), 2000, "the rest is left to the reconciler")
		require.NoError(t, p.Stop(t.Context()))
	})
}

func TestStopBeforeStart(t *testing.T) {
	f := &fake{}
	require.NoError(t, operational.New(f, f, slog.New(slog.DiscardHandler)).Stop(t.Context()))
}
