package deliver_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// recovering is a database that is unavailable until the test makes it available. It counts its probes.
type recovering struct {
	*fakeStore
	isBack         atomic.Bool
	asking, asked  atomic.Int32
	twoAskedAtOnce atomic.Bool
}

func (r *recovering) Writable(context.Context) error {
	r.asked.Add(1)
	if r.asking.Add(1) > 1 {
		r.twoAskedAtOnce.Store(true)
	}
	defer r.asking.Add(-1)
	time.Sleep(10 * time.Millisecond)
	if r.isBack.Load() {
		return nil
	}
	return errAway
}

func (r *recovering) LoadDispatches(_ context.Context, ids []string) ([]webhook.Dispatch, []error) {
	return each(ids, func(id string) (webhook.Dispatch, error) {
		if !r.isBack.Load() {
			return webhook.Dispatch{}, errAway
		}
		r.mutex.Lock()
		defer r.mutex.Unlock()
		dispatch := r.dispatch
		dispatch.Delivery.ID = id
		return dispatch, r.load
	})
}

// While the database is unavailable, nothing is sent. Workers keep their tasks, and one of them probes.
func TestDeliverDatabaseUnavailableSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &recovering{fakeStore: &fakeStore{dispatch: due(0)}}, &scripted{}
		d := newDeliverer(store, sender)
		_, err := d.Deliver(t.Context(), "dlv_first", webhook.QueueDeliveries)
		require.ErrorIs(t, err, errAway, "this one found out")

		var group sync.WaitGroup
		for _, id := range []string{"dlv_a", "dlv_b", "dlv_c", "dlv_d"} {
			group.Go(func() {
				verdict, err := d.Deliver(t.Context(), id, webhook.QueueDeliveries)
				assert.NoError(t, err)
				assert.Equal(t, deliver.Done(), verdict)
			})
		}
		time.Sleep(time.Minute) // the bubble's clock
		assert.Zero(t, sender.sent.Load())
		assert.False(t, store.twoAskedAtOnce.Load())
		assert.Less(t, store.asked.Load(), int32(70), "not hammered")
		assert.Greater(t, store.asked.Load(), int32(20))

		store.isBack.Store(true)
		begin := time.Now()
		group.Wait()
		assert.Less(t, time.Since(begin), 4*time.Second)
		assert.EqualValues(t, 4, sender.sent.Load())
	})
}

// If the worker that probes ends, another one probes.
func TestDeliverProberCancelledAnotherProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &recovering{fakeStore: &fakeStore{dispatch: due(0)}}
		d := newDeliverer(store, &scripted{})
		_, err := d.Deliver(t.Context(), "dlv_first", webhook.QueueDeliveries)
		require.ErrorIs(t, err, errAway)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := d.Deliver(ctx, "dlv_a", webhook.QueueDeliveries)
			ended <- err
		}()
		synctest.Wait() // it probes
		done := make(chan error)
		go func() {
			_, err := d.Deliver(t.Context(), "dlv_b", webhook.QueueDeliveries)
			done <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		store.isBack.Store(true)
		require.NoError(t, <-done)
	})
}

func TestDrainReturnsWaitingDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &recovering{fakeStore: &fakeStore{dispatch: due(0)}}, &scripted{}
		d := newDeliverer(store, sender)
		_, err := d.Deliver(t.Context(), "dlv_first", webhook.QueueDeliveries)
		require.ErrorIs(t, err, errAway)
		ended := make(chan error)
		for _, id := range []string{"dlv_a", "dlv_b"} {
			go func() {
				_, err := d.Deliver(t.Context(), id, webhook.QueueDeliveries)
				ended <- err
			}()
		}
		synctest.Wait()
		d.Drain()
		require.ErrorContains(t, <-ended, "another one takes the delivery")
		require.ErrorContains(t, <-ended, "another one takes the delivery")
		store.isBack.Store(true)
		assert.Zero(t, sender.sent.Load())
	})
}

// An outage that begins between the load and the POST is respected too.
func TestDeliverOutageAfterLoadSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(500 * time.Millisecond) // it waits for its whole second
		store := &recovering{fakeStore: &fakeStore{dispatch: dispatch}}
		store.isBack.Store(true)
		sender := &scripted{}
		d := newDeliverer(store, sender)
		ended := make(chan error)
		go func() {
			_, err := d.Deliver(t.Context(), "dlv_a", webhook.QueueDeliveries)
			ended <- err
		}()
		synctest.Wait()
		store.isBack.Store(false)
		_, err := d.Deliver(t.Context(), "dlv_b", webhook.QueueDeliveries)
		require.ErrorIs(t, err, errAway)
		require.ErrorContains(t, <-ended, "the database is unavailable")
		assert.Zero(t, sender.sent.Load())
	})
}

// slow is a database with a slow load.
type slow struct {
	*fakeStore
	loading, release chan struct{}
}

func (s *slow) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	close(s.loading)
	<-s.release
	return s.fakeStore.LoadDispatches(ctx, ids)
}

// A delivery that was not sent before the stop began returns to the queue. Its attempt could outlast the stop, and would then be made
// twice.
func TestDrainReturnsLoadingDelivery(t *testing.T) {
	t.Parallel()
	sender := &scripted{}
	store := &slow{&fakeStore{dispatch: due(0)}, make(chan struct{}), make(chan struct{})}
	d := newDeliverer(store, sender)
	ended := make(chan deliver.Verdict)
	go func() {
		verdict, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		assert.NoError(t, err)
		ended <- verdict
	}()
	<-store.loading
	d.Drain()
	close(store.release)
	verdict := <-ended
	assert.Equal(t, deliver.KindSnooze, verdict.Kind)
	assert.False(t, verdict.At.After(time.Now()), "it runs at once elsewhere")
	assert.Zero(t, sender.sent.Load())
}
