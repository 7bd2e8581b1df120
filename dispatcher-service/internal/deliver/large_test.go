package deliver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/memory"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

const megabyte = 1_000_000

// publishLarge makes deliveries of one event whose body is not loaded with them.
func (w *world) publishLarge(count int) (webhook.Event, []webhook.Delivery) {
	w.t.Helper()
	data := fmt.Sprintf(`{"x":"%s"}`, strings.Repeat("x", megabyte))
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(data)}, webhook.Now())
	deliveries := make([]webhook.Delivery, count)
	for i := range deliveries {
		deliveries[i] = webhook.NewDelivery(event, w.endpoint, webhook.Now())
	}
	require.NoError(w.t, w.store.CreateEvent(w.t.Context(), event, deliveries))
	return event, deliveries
}

// within returns a Deliverer with the given memory, and its budget.
func (w *world) within(s deliver.Store, size int64, waiters int) (*deliver.Deliverer, *memory.Budget) {
	o := options(s, w.sender)
	o.Memory, o.MemoryWaiters = memory.New(size), waiters
	return deliver.New(o, prometheus.NewRegistry()), o.Memory
}

type outcome struct {
	verdict deliver.Verdict
	err     error
}

func start(t *testing.T, d *deliver.Deliverer, id string) <-chan outcome {
	t.Helper()
	done := make(chan outcome, 1)
	go func() {
		verdict, err := d.Deliver(t.Context(), id, webhook.QueueDeliveries)
		done <- outcome{verdict, err}
	}()
	return done
}

func awaitWaiting(budget *memory.Budget, count int64) {
	for budget.Waiting() != count {
		time.Sleep(time.Millisecond)
	}
}

// The deliveries of an event that are in flight together send one copy of its body, which is loaded and accounted once.
func TestLargeBodySharedByDeliveriesOfEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	const count = 20
	event, deliveries := w.publishLarge(count)
	store := &loading{Store: w.store}
	d, budget := w.within(store, memory.Default, 1)
	want, err := event.Body()
	require.NoError(t, err)
	var inside sync.WaitGroup
	inside.Add(count)
	var mutex sync.Mutex
	copies := map[*byte]bool{}
	w.sender.during = func(dispatch webhook.Dispatch) {
		body, err := dispatch.Payload()
		assert.NoError(t, err)
		assert.Equal(t, want, body)
		mutex.Lock()
		copies[&body[0]] = true
		mutex.Unlock()
		inside.Done()
		inside.Wait() // all are in flight
		assert.InDelta(t, len(want), budget.InUse(), 4096)
	}
	var running []<-chan outcome
	for _, delivery := range deliveries {
		running = append(running, start(t, d, delivery.ID))
	}
	for _, done := range running {
		assert.Equal(t, outcome{verdict: deliver.Done()}, <-done)
	}
	assert.Len(t, copies, 1)
	assert.EqualValues(t, 1, store.loads.Load())
	assert.Zero(t, budget.InUse())
}

// loading is a real store that counts the loads of bodies, or makes them fail.
type loading struct {
	deliver.Store
	loads atomic.Int32
	fail  atomic.Bool
}

func (l *loading) LoadData(ctx context.Context, eventIDs []string) ([]json.RawMessage, []error) {
	l.loads.Add(1)
	if l.fail.Load() {
		return each(eventIDs, func(string) (json.RawMessage, error) { return nil, webhook.Unavailable(0, context.DeadlineExceeded) })
	}
	return l.Store.LoadData(ctx, eventIDs)
}

// A delivery that waits for memory holds no slot of its endpoint. It is sent when there is memory.
func TestLargeBodyWaitsWithoutSlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d, budget := w.within(w.store, 4*megabyte, 2)
	held := budget.TryReserve(org, 2*megabyte)
	require.NotNil(t, held)
	_, large := w.publishLarge(1)
	done := start(t, d, large[0].ID)
	awaitWaiting(budget, 1)
	assert.Equal(t, outcome{verdict: deliver.Done()}, <-start(t, d, w.publish().ID), "a small one to the same endpoint is sent")
	require.Empty(t, done)
	held.Release()
	assert.Equal(t, outcome{verdict: deliver.Done()}, <-done)
	assert.Zero(t, budget.InUse())
}

// The number of workers that wait for memory is bounded. Deliveries of other events are snoozed immediately, and a stop ends the wait.
func TestLargeBodySnoozedWithoutMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d, budget := w.within(w.store, 4*megabyte, 1)
	held := budget.TryReserve(org, 2*megabyte)
	require.NotNil(t, held)
	_, first := w.publishLarge(1)
	_, second := w.publishLarge(1)
	waiting := start(t, d, first[0].ID)
	awaitWaiting(budget, 1)
	snoozed := <-start(t, d, second[0].ID)
	require.NoError(t, snoozed.err)
	assert.Equal(t, deliver.KindSnooze, snoozed.verdict.Kind)
	assert.Contains(t, snoozed.verdict.Reason, "memory")

	d.Drain()
	stopped := <-waiting
	require.NoError(t, stopped.err)
	assert.Equal(t, deliver.KindSnooze, stopped.verdict.Kind)
	awaitWaiting(budget, 0)
	held.Release()
	assert.Zero(t, budget.InUse())
	assert.Zero(t, w.sender.sent.Load())
}

// A body that cannot be loaded costs no retry, and its memory is released.
func TestLargeBodyNotLoadedIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	store := &loading{Store: w.store}
	store.fail.Store(true)
	d, budget := w.within(store, memory.Default, 1)
	_, large := w.publishLarge(1)
	failed := <-start(t, d, large[0].ID)
	require.Error(t, failed.err)
	assert.Zero(t, budget.InUse())
	assert.Empty(t, w.attempts(large[0].ID))
	store.fail.Store(false)
	assert.Equal(t, outcome{verdict: deliver.Done()}, <-start(t, d, large[0].ID))
}

// A delivery without memory is reported in the summary under its organization, while others may wait too.
func TestSummaryHasOrganizationWithoutMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	_, first := w.publishLarge(1)
	_, second := w.publishLarge(1)
	started, release := make(chan struct{}, 2), make(chan struct{})
	w.sender.during = func(webhook.Dispatch) { started <- struct{}{}; <-release }
	deliverer, budget := w.within(w.store, megabyte+megabyte/2, 1)
	var before queue.Summary
	deliverer.Summarize(&before)
	assert.Equal(t, queue.Summary{Organizations: map[string]queue.OrganizationState{}, Attempts: map[string]time.Time{}}, before)

	done := start(t, deliverer, first[0].ID)
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	rested := make(chan deliver.Verdict, 1)
	go func() {
		verdict, _ := deliverer.Deliver(ctx, second[0].ID, webhook.QueueDeliveries)
		rested <- verdict
	}()
	awaitWaiting(budget, 1)
	var now queue.Summary
	deliverer.Summarize(&now)
	assert.WithinDuration(t, time.Now(), now.Organizations[org].WithoutMemory, time.Minute)
	assert.WithinDuration(t, time.Now(), now.Attempts[first[0].ID], time.Minute)
	assert.NotContains(t, now.Attempts, second[0].ID)
	cancel()
	assert.True(t, (<-rested).Rest)
	close(release)
	require.NoError(t, (<-done).err)
	deliverer.Drain()
	var after queue.Summary
	deliverer.Summarize(&after)
	assert.True(t, after.Dispatcher.Stopping)
	assert.Empty(t, after.Attempts)
}
