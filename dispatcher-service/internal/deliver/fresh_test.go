package deliver_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

// changing is a store that returns a changed endpoint when it is read again.
type changing struct {
	*fakeStore
	next   webhook.Endpoint
	takes  time.Duration // a read of the endpoint
	reads  int
	failed []webhook.Delivery
}

func (c *changing) LoadEndpoints(_ context.Context, ids []string) ([]webhook.Endpoint, []error) {
	c.reads++
	time.Sleep(c.takes)
	return each(ids, func(string) (webhook.Endpoint, error) { return c.next, nil })
}

func (c *changing) FailDelivery(_ context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	c.failed = append(c.failed, failed)
	return failed, nil
}

// deliverLater delivers a retry whose task came a second early, and whose endpoint is changed meanwhile.
func deliverLater(t *testing.T, store *changing, change func(*webhook.Endpoint), sender *scripted) deliver.Verdict {
	t.Helper()
	dispatch := due(time.Second)
	store.fakeStore = &fakeStore{dispatch: dispatch}
	store.next = dispatch.Endpoint
	change(&store.next)
	verdict, err := newDeliverer(store, sender).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
	require.NoError(t, err)
	return verdict
}

func TestDeliverEndpointChangedMeanwhileUsesNewRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var urls []string
		sender := &scripted{during: func(d webhook.Dispatch) { urls = append(urls, d.Endpoint.URL) }}
		store := &changing{}
		verdict := deliverLater(t, store, func(e *webhook.Endpoint) { e.URL = "https://example.com/new" }, sender)
		assert.Equal(t, deliver.Done(), verdict)
		assert.Equal(t, []string{"https://example.com/new"}, urls)
		assert.Equal(t, 1, store.reads)
	})
}

func TestDeliverEndpointPausedMeanwhileHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &changing{}, &scripted{}
		verdict := deliverLater(t, store, func(e *webhook.Endpoint) { e.PausedAt = time.Now() }, sender)
		assert.Equal(t, deliver.Done(), verdict, "its task leaves the queue")
		assert.Zero(t, sender.sent.Load())
		assert.Empty(t, store.written)
		assert.Empty(t, store.failed, "the delivery keeps its state")
	})
}

// A deleted organization can be restored as it was. So not even a delivery to a disabled or a deleted endpoint ends.
func TestDeliverOrganizationDeletedHolds(t *testing.T) {
	for name, change := range map[string]func(*webhook.Endpoint){
		"active":   func(*webhook.Endpoint) {},
		"disabled": func(e *webhook.Endpoint) { e.Status = webhook.EndpointDisabled },
		"deleted":  func(e *webhook.Endpoint) { e.DeletedAt = time.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, sender := &changing{}, &scripted{}
				verdict := deliverLater(t, store, func(e *webhook.Endpoint) { change(e); e.OrganizationDeleted = true }, sender)
				assert.Equal(t, deliver.Done(), verdict, "its task leaves the queue")

				for _, test := range []bool{false, true} {
					dispatch := due(0)
					change(&dispatch.Endpoint)
					dispatch.Endpoint.OrganizationDeleted, dispatch.Delivery.Test = true, test
					store.fakeStore = &fakeStore{dispatch: dispatch}
					verdict, err := newDeliverer(store, sender).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
					require.NoError(t, err)
					assert.Equal(t, deliver.Done(), verdict)
				}
				assert.Zero(t, sender.sent.Load())
				assert.Empty(t, store.written)
				assert.Empty(t, store.failed, "the delivery keeps its state")
			})
		})
	}
}

func TestDeliverEndpointEndedMeanwhileEnds(t *testing.T) {
	for reason, change := range map[webhook.FailureReason]func(*webhook.Endpoint){
		webhook.FailureEndpointDeleted: func(e *webhook.Endpoint) { e.DeletedAt, e.PausedAt = time.Now(), time.Now() },
		webhook.FailureEndpointDisabled: func(e *webhook.Endpoint) {
			e.Status, e.PausedAt = webhook.EndpointDisabled, time.Now()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, sender := &changing{}, &scripted{}
			assert.Equal(t, deliver.Done(), deliverLater(t, store, change, sender), "it leaves no dead letter")
			assert.Zero(t, sender.sent.Load())
			require.Len(t, store.failed, 1)
			assert.Equal(t, reason, store.failed[0].FailureReason)
		})
	}
}

// A row that is young enough is not read again, to save a statement for each delivery.
func TestDeliverFreshEndpointNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dispatch := due(webhook.EndpointFresh)
		store, sender := &changing{fakeStore: &fakeStore{dispatch: dispatch}}, &scripted{}
		_, err := newDeliverer(store, sender).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
		require.NoError(t, err)
		assert.EqualValues(t, 1, sender.sent.Load())
		assert.Zero(t, store.reads)
	})
}

// A slow database never returns a row that is young enough. The worker stops after maxRereads.
func TestDeliverEndpointReadTooSlowlySnoozes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sender := &changing{takes: webhook.EndpointFresh + time.Millisecond}, &scripted{}
		verdict := deliverLater(t, store, func(*webhook.Endpoint) {}, sender)
		assert.Equal(t, deliver.KindSnooze, verdict.Kind)
		assert.True(t, verdict.Stay)
		assert.Equal(t, time.Second, time.Until(verdict.At))
		assert.Zero(t, sender.sent.Load())
		assert.Equal(t, 3, store.reads)
	})
}

// A test is sent whatever the state of its endpoint, except that a deleted one gets nothing. It counts in no circuit and no alert.
func TestDeliverTest(t *testing.T) {
	for name, change := range map[string]func(*webhook.Endpoint){
		"paused":   func(e *webhook.Endpoint) { e.PausedAt = time.Now() },
		"disabled": func(e *webhook.Endpoint) { e.Status = webhook.EndpointDisabled },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dispatch := due(0)
				dispatch.Delivery = webhook.NewTest(dispatch.Event, dispatch.Endpoint, webhook.Now())
				change(&dispatch.Endpoint)
				store, registry := &fakeStore{dispatch: dispatch}, prometheus.NewRegistry()
				options := options(store, &scripted{failure: "the connection was refused"})
				for range 10 { // a circuit opens after five
					verdict, err := deliver.New(options, prometheus.NewRegistry()).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
					require.NoError(t, err)
					assert.Equal(t, deliver.KindDead, verdict.Kind)
				}
				permit, _ := options.Gate.Acquire(t.Context(), bulkhead.Request{EndpointID: dispatch.Endpoint.ID, DeliveryID: "dlv_other"})
				require.NotNil(t, permit, "its circuit is closed")
				permit.Release()
				_, err := deliver.New(options, registry).Deliver(t.Context(), dispatch.Delivery.ID, webhook.QueueDeliveries)
				require.NoError(t, err)
				assert.Equal(t, 1.0, testmetrics.Sum(t, registry, "redrive_test_attempts_total"))
				assert.Zero(t, testmetrics.Sum(t, registry, "redrive_attempts_total"))
				assert.Zero(t, testmetrics.Sum(t, registry, "redrive_endpoints_failed"))
			})
		})
	}
}
