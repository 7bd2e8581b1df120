package deliver_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// fakeStore has one delivery, and injects faults.
type fakeStore struct {
	mutex    sync.Mutex
	dispatch webhook.Dispatch
	load     error
	ping     func() error
	record   func(context.Context) error // called before each write
	written  []webhook.Outcome
	tries    int
}

func (f *fakeStore) serve(d webhook.Dispatch) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.dispatch = d
}

func (f *fakeStore) LoadDispatches(_ context.Context, ids []string) ([]webhook.Dispatch, []error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return each(ids, func(string) (webhook.Dispatch, error) { return f.dispatch, f.load })
}

func (f *fakeStore) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	return each(outcomes, func(o webhook.Outcome) (webhook.Delivery, error) { return f.recordOne(ctx, o) })
}

func (f *fakeStore) recordOne(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.tries++
	if f.record != nil {
		if err := f.record(ctx); err != nil {
			return webhook.Delivery{}, err
		}
	}
	f.written = append(f.written, o)
	return o.Delivery, nil
}

func (f *fakeStore) Writable(context.Context) error {
	if f.ping == nil {
		return nil
	}
	return f.ping()
}

func (f *fakeStore) CountOrphan(context.Context, string) (webhook.Delivery, error) {
	return webhook.Delivery{}, errAway
}

func (f *fakeStore) FailDelivery(context.Context, webhook.Delivery) (webhook.Delivery, error) {
	return webhook.Delivery{}, errAway
}

func (f *fakeStore) ReadAttempts(context.Context, string, []string) ([]webhook.Attempt, error) {
	return nil, errAway
}

var errAway = webhook.Unavailable(time.Second, errors.New("away"))

func TestDeliverDatabaseUnavailableReturnsError(t *testing.T) {
	t.Parallel()
	sender := &scripted{}
	_, err := newDeliverer(&fakeStore{load: errAway}, sender).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
	require.ErrorIs(t, err, errAway)

	disabled := due(0)
	disabled.Endpoint.Status = webhook.EndpointDisabled
	_, err = newDeliverer(&fakeStore{dispatch: disabled}, sender).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
	require.ErrorIs(t, err, errAway)

	failed := due(0)
	failed.Delivery.Status, failed.Delivery.LastAttemptID = webhook.StatusFailure, "att_1"
	_, err = newDeliverer(&fakeStore{dispatch: failed}, sender).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
	require.ErrorIs(t, err, errAway)
	assert.Zero(t, sender.sent.Load())
}

// An outcome is kept until the database accepts it, whatever errors the database returns meanwhile. Otherwise the receiver would get the
// webhook again every few seconds.
func TestRecordDatabaseUnavailableRetries(t *testing.T) {
	for name, fault := range map[string]error{"away": errAway, "refusing": errors.New("deadlock detected")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := 8
				store := &fakeStore{dispatch: due(0), record: func(context.Context) error {
					if left--; left >= 0 {
						return fault
					}
					return nil
				}}
				sender := &scripted{}
				begin := time.Now()
				verdict, err := newDeliverer(store, sender).Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
				require.NoError(t, err)
				assert.Equal(t, deliver.Done(), verdict)
				assert.Len(t, store.written, 1)
				assert.Equal(t, 9, store.tries)
				assert.EqualValues(t, 1, sender.sent.Load())
				assert.Greater(t, time.Since(begin), time.Second, "not hammered")
			})
		})
	}
}

// However long a database is unavailable, outcomes are kept.
func TestRecordLongOutageKeepsOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		store := &fakeStore{dispatch: due(0), record: func(ctx context.Context) error {
			if time.Since(begin) > 3*time.Hour {
				return nil
			}
			select { // no response until the caller's deadline
			case <-ctx.Done():
			case <-time.After(20 * time.Second):
			}
			return errAway
		}}
		ctx, lost := context.WithTimeout(t.Context(), time.Minute) // asynq's deadline has passed
		defer lost()
		verdict, err := newDeliverer(store, &scripted{}).Deliver(ctx, store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict)
		assert.Len(t, store.written, 1)
	})
}

func TestAbandonGivesUpOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &fakeStore{dispatch: due(0), record: func(context.Context) error { return errAway }}
		d := newDeliverer(store, &scripted{})
		time.AfterFunc(time.Minute, func() {
			d.Drain()
			d.Drain()
		})
		time.AfterFunc(2*time.Minute, func() {
			d.Abandon()
			d.Abandon()
		})
		begin := time.Now()
		_, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.ErrorIs(t, err, errAway)
		assert.ErrorContains(t, err, "will be made again")
		assert.Equal(t, 2*time.Minute, time.Since(begin))
	})
}

// A database that is available and refuses an outcome will not accept it later.
func TestRecordRefusedTooLongGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("violates a constraint")
		store := &fakeStore{dispatch: due(0), record: func(context.Context) error { return refused }}
		begin := time.Now()
		d := newDeliverer(store, &scripted{})
		_, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.ErrorIs(t, err, refused)
		assert.WithinRange(t, time.Now(), begin.Add(30*time.Second), begin.Add(34*time.Second))
		store.record = nil
		_, err = d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err, "that is no outage")
	})
}

func TestRecordPurgedDeliveryFails(t *testing.T) {
	t.Parallel()
	store := &fakeStore{dispatch: due(0), record: func(context.Context) error { return webhook.NotFound("delivery", "dlv_x") }}
	_, err := newDeliverer(store, &scripted{}).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
	require.Error(t, err, "the next run finds out that it is gone")
	assert.Equal(t, 1, store.tries)
}

// lossy is a real store whose first writes fail: before the commit, or after it, when the response is lost.
type lossy struct {
	deliver.Store
	before, after int
}

func (l *lossy) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	fails := func(webhook.Outcome) (webhook.Delivery, error) { return webhook.Delivery{}, errAway }
	if l.before--; l.before >= 0 {
		return each(outcomes, fails)
	}
	current, failures := l.Store.RecordOutcomes(ctx, outcomes)
	if l.after--; l.after >= 0 {
		return each(outcomes, fails)
	}
	return current, failures
}

func TestRecordedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.sender.status = 500
	for _, faults := range []lossy{{before: 2}, {after: 2}, {before: 1, after: 1}} {
		d := w.publish()
		faults.Store = w.store
		verdict, err := newDeliverer(&faults, w.sender).Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Verdict{Kind: deliver.KindDead, Reason: "the receiver answered 500 Internal Server Error"}, verdict)
		assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptFailure}, w.attempts(d.ID))
		assert.Equal(t, d.Revision+1, w.find(d.ID).Delivery.Revision)
	}
}

// The response to the commit is lost, and before the outcome is written again the delivery is retried by hand.
func TestRecordRetriedMeanwhileSnoozes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.sender.status = 500
	d := w.publish()
	retried := &retriedMeanwhile{Store: w.store, retry: func() {
		_, err := w.store.RetryDelivery(context.Background(), org, d.ID, webhook.Now())
		assert.NoError(t, err)
	}}
	verdict, err := newDeliverer(retried, w.sender).Deliver(t.Context(), d.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	assert.Equal(t, deliver.KindSnooze, verdict.Kind, "the row is pending again")
	assert.Equal(t, webhook.StatusPending, w.find(d.ID).Delivery.Status)
	assert.Equal(t, []webhook.AttemptOutcome{webhook.AttemptFailure}, w.attempts(d.ID))
}

type retriedMeanwhile struct {
	deliver.Store
	retry func()
	once  sync.Once
}

func (r *retriedMeanwhile) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	current, failures := r.Store.RecordOutcomes(ctx, outcomes)
	r.once.Do(func() {
		r.retry()
		failures[0] = errAway
	})
	return current, failures
}

func (f *fakeStore) LoadData(_ context.Context, eventIDs []string) ([]json.RawMessage, []error) {
	return each(eventIDs, func(string) (json.RawMessage, error) { return f.dispatch.Event.Data, f.load })
}

func (f *fakeStore) LoadEndpoints(_ context.Context, ids []string) ([]webhook.Endpoint, []error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return each(ids, func(string) (webhook.Endpoint, error) { return f.dispatch.Endpoint, f.load })
}
