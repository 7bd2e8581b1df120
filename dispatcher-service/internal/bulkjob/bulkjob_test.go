package bulkjob_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/bulkjob"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a store with one job, whose pace and lease are as in the database, and a queue.
type fake struct {
	mutex    sync.Mutex
	left     int
	pace     webhook.Pace
	leased   time.Time // until when
	running  int64
	began    bool
	err      error
	enqueues error
	enqueued []queue.Item
	released []time.Duration
	handled  []time.Time // one entry for each delivery
	hang     bool        // a step ends with its context
	lost     bool        // a step finds that the lease was lost
}

func (f *fake) LeaseBulkJob(_ context.Context, lease time.Duration) (*store.BulkLease, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	now := time.Now()
	if f.running == 0 || now.Before(f.leased) || now.Before(f.pace.Due()) {
		return nil, nil
	}
	f.leased = now.Add(lease)
	return &store.BulkLease{Job: webhook.BulkJob{ID: "job_1"}}, nil
}

func (f *fake) StepBulkJob(ctx context.Context, _ *store.BulkLease) (*store.BulkStep, error) {
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	now := time.Now()
	f.leased = now
	if f.lost {
		f.running = 0
		return nil, nil
	}
	step := &store.BulkStep{Job: webhook.BulkJob{ID: "job_1", BulkSpec: webhook.BulkSpec{Action: webhook.BulkRetry}}, Began: !f.began, Skipped: map[string]int64{}}
	f.began = true
	n := min(f.left, f.pace.Allowed(now))
	for range n {
		step.Waiting = append(step.Waiting, webhook.Delivery{ID: webhook.NewID(webhook.KindDelivery, now), EndpointID: "ep_1", Priority: webhook.PriorityBulk})
		f.handled = append(f.handled, now)
	}
	f.left -= n
	step.Applied = int64(n)
	f.pace = f.pace.After(n, now)
	if f.left == 0 {
		f.running, step.Finished = 0, true
		step.Skipped["cancelled"] = 2
	}
	return step, nil
}

func (f *fake) ReleaseBulkJob(_ context.Context, _ *store.BulkLease, wait time.Duration) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.released = append(f.released, wait)
	f.leased = time.Now().Add(wait)
	return nil
}

func (f *fake) CountBulkJobs(context.Context) (int64, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.running, nil
}

func (f *fake) EnqueueLane(_ context.Context, items []queue.Item) ([]queue.Placement, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.enqueued = append(f.enqueued, items...)
	return nil, f.enqueues
}

func newFake(deliveries, perSecond int) *fake {
	return &fake{left: deliveries, running: 1, pace: webhook.Pace{PerSecond: perSecond, At: time.Now()}}
}

func newRunner(f *fake, log *slog.Logger) (*bulkjob.Runner, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	return bulkjob.New(bulkjob.Options{Store: f, Queue: f, Log: log}, registry), registry
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Two replicas of several workers keep the pace of a job, and enqueue what was committed.
func TestStartKeepsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(6000, 200)
		first, registry := newRunner(f, quiet())
		second, _ := newRunner(f, quiet())
		require.NoError(t, first.Stop(t.Context()), "before Start")
		began := time.Now()
		first.Start()
		second.Start()
		for range 10 {
			time.Sleep(time.Second)
			f.mutex.Lock()
			assert.InDelta(t, 200*time.Since(began).Seconds(), len(f.handled), 100)
			f.mutex.Unlock()
		}
		time.Sleep(22 * time.Second)
		synctest.Wait()
		require.NoError(t, first.Stop(t.Context()))
		require.NoError(t, second.Stop(t.Context()))
		require.NoError(t, second.Stop(t.Context()), "again")
		assert.Zero(t, f.remaining())
		assert.Len(t, f.enqueued, 6000)
		assert.True(t, f.enqueued[0].Committed)
		assert.Positive(t, testutil.CollectAndCount(registry, "redrive_bulk_deliveries_total"))
	})
}

// A process that was killed leaves its lease. Another makes the step after the lease has expired, and keeps the pace.
func TestStartTakesOverExpiredLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(100, 0)
		_, err := f.LeaseBulkJob(t.Context(), 15*time.Second)
		require.NoError(t, err)
		runner, _ := newRunner(f, quiet())
		runner.Start()
		time.Sleep(14 * time.Second)
		synctest.Wait()
		assert.Equal(t, 100, f.remaining())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Zero(t, f.remaining())
		require.NoError(t, runner.Stop(t.Context()))
	})
}

// A new job begins within about a second. An installation without jobs is polled once per second.
func TestStartFindsNewJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10, 0)
		f.running = 0
		runner, _ := newRunner(f, quiet())
		runner.Start()
		time.Sleep(time.Minute)
		f.mutex.Lock()
		f.running = 1
		f.mutex.Unlock()
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		assert.Zero(t, f.remaining())
		require.NoError(t, runner.Stop(t.Context()))
	})
}

func TestStopReleasesLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10, 0)
		f.hang = true
		runner, _ := newRunner(f, quiet())
		runner.Start()
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, runner.Stop(t.Context()))
		assert.Equal(t, []time.Duration{0}, f.released, "another process continues at once")
	})
}

func TestStepFailureIsRetriedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10, 0)
		f.hang = true
		runner, _ := newRunner(f, quiet())
		worked, err := runner.Step(t.Context())
		assert.False(t, worked)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "job_1")
		assert.Equal(t, []time.Duration{2 * time.Second}, f.released)
	})
}

// If Redis is unavailable, the reconciler enqueues the committed deliveries, and the job continues.
func TestStepEnqueueFailureIsNotAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10, 0)
		f.enqueues = errors.New("unavailable")
		var said strings.Builder
		runner, _ := newRunner(f, slog.New(slog.NewTextHandler(&said, nil)))
		for range 2 {
			_, err := runner.Step(t.Context())
			require.NoError(t, err)
		}
		assert.Equal(t, 1, strings.Count(said.String(), "left to the reconciler"))
		assert.Zero(t, f.remaining())
	})
}

func TestStepLogsBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1500, 0)
		var said strings.Builder
		runner, registry := newRunner(f, slog.New(slog.NewTextHandler(&said, nil)))
		for {
			worked, err := runner.Step(t.Context())
			require.NoError(t, err)
			if !worked {
				break
			}
		}
		assert.Equal(t, 1, strings.Count(said.String(), "bulk job began"))
		assert.Equal(t, 1, strings.Count(said.String(), "bulk job completed"))
		assert.Equal(t, 2, strings.Count(said.String(), "\n"))
		values, err := registry.Gather()
		require.NoError(t, err)
		assert.Contains(t, values[0].String(), "1500")
	})
}

func TestStepLostLeaseDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(10, 0)
		f.lost = true
		runner, _ := newRunner(f, quiet())
		worked, err := runner.Step(t.Context())
		require.NoError(t, err)
		assert.True(t, worked)
		assert.Empty(t, f.enqueued)
		assert.Empty(t, f.released)
	})
}

func (f *fake) remaining() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.left
}
