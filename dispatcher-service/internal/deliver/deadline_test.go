package deliver_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// silentStore is a database that accepts connections and responds to one method at a time: the others end with their context.
type silentStore struct {
	dispatch   webhook.Dispatch
	silent     map[string]bool
	calls      []string
	unwritable int // that many probes end with their context
}

// respond returns an error after the context has ended, if the method is silent.
func (s *silentStore) respond(ctx context.Context, method string) error {
	s.calls = append(s.calls, method)
	if !s.silent[method] {
		return nil
	}
	<-ctx.Done()
	return webhook.Unavailable(time.Second, ctx.Err())
}

func (s *silentStore) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	err := s.respond(ctx, "load")
	return each(ids, func(string) (webhook.Dispatch, error) { return s.dispatch, err })
}

func (s *silentStore) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	err := s.respond(ctx, "record")
	s.silent["record"] = false
	return each(outcomes, func(o webhook.Outcome) (webhook.Delivery, error) { return o.Delivery, err })
}

func (s *silentStore) Writable(ctx context.Context) error {
	if s.unwritable--; s.unwritable < 0 {
		return nil
	}
	<-ctx.Done()
	return webhook.Unavailable(time.Second, ctx.Err())
}

func (s *silentStore) CountOrphan(ctx context.Context, _ string) (webhook.Delivery, error) {
	err := s.respond(ctx, "count")
	return s.dispatch.Delivery, err
}

func (s *silentStore) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	return failed, s.respond(ctx, "fail")
}

func (s *silentStore) ReadAttempts(ctx context.Context, _ string, _ []string) ([]webhook.Attempt, error) {
	return nil, s.respond(ctx, "find")
}

// silent returns a store that responds to all methods but one.
func silent(method string, dispatch webhook.Dispatch) *silentStore {
	return &silentStore{dispatch: dispatch, silent: map[string]bool{method: true}}
}

// TestSilentDatabaseReleasesWorker calls each statement of a run against a database that does not respond.
func TestSilentDatabaseReleasesWorker(t *testing.T) {
	for method, change := range map[string]func(*webhook.Dispatch){
		"load": func(*webhook.Dispatch) {},
		"fail": func(d *webhook.Dispatch) { d.Endpoint.Status = webhook.EndpointDisabled },
		"find": func(d *webhook.Dispatch) {
			d.Delivery.Status, d.Delivery.LastAttemptID = webhook.StatusFailure, "att_1"
		},
	} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dispatch := due(0)
				change(&dispatch)
				store := silent(method, dispatch)
				begin := time.Now()
				_, err := newDeliverer(store, &scripted{}).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
				assert.Equal(t, 5*time.Second, time.Since(begin))
				assert.Equal(t, method, store.calls[len(store.calls)-1])
			})
		})
	}
}

func TestSilentDatabaseRecordsOnSecondCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := silent("record", due(0)), &scripted{}
		begin := time.Now()
		verdict, err := newDeliverer(store, sender).Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict)
		assert.Equal(t, []string{"load", "record", "record"}, store.calls)
		assert.GreaterOrEqual(t, time.Since(begin), 5*time.Second)
		assert.EqualValues(t, 1, sender.sent.Load())
	})
}

// TestSilentDatabaseReleasesCaller calls Orphaned, whose caller has a deadline of its own or none.
func TestSilentDatabaseReleasesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		err := newDeliverer(silent("count", due(0)), &scripted{}).Orphaned(t.Context(), "dlv_x")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(begin))
	})
}

// TestSilentProbeIsRepeated checks that a probe without a response does not block the worker that probes.
func TestSilentProbeIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := silent("load", due(0))
		d := newDeliverer(store, &scripted{})
		_, err := d.Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		store.silent["load"], store.unwritable = false, 3
		begin := time.Now()
		verdict, err := d.Deliver(t.Context(), store.dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.Equal(t, deliver.Done(), verdict)
		assert.WithinDuration(t, begin.Add(17*time.Second), time.Now(), 2*time.Second, "three probes of 5 s and their pauses")
	})
}

func TestDatabaseTimeoutIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, method := range []string{"load", "fail"} {
			dispatch := due(0)
			dispatch.Endpoint.Status = webhook.EndpointDisabled
			o := options(silent(method, dispatch), &scripted{})
			o.DatabaseTimeout = time.Minute
			begin := time.Now()
			_, err := deliver.New(o, prometheus.NewRegistry()).Deliver(t.Context(), "dlv_x", webhook.QueueDeliveries)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, time.Minute, time.Since(begin))
		}
	})
}

func (s *silentStore) LoadData(ctx context.Context, eventIDs []string) ([]json.RawMessage, []error) {
	err := s.respond(ctx, "LoadData")
	return each(eventIDs, func(string) (json.RawMessage, error) { return s.dispatch.Event.Data, err })
}

func (s *silentStore) LoadEndpoints(ctx context.Context, ids []string) ([]webhook.Endpoint, []error) {
	err := s.respond(ctx, "endpoints")
	return each(ids, func(string) (webhook.Endpoint, error) { return s.dispatch.Endpoint, err })
}
