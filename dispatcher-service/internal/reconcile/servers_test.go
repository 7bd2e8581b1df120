package reconcile_test

import (
	"context"
	"sync"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Two concurrent passes enqueue each committed delivery once.
func TestPassConcurrentReplicasEnqueueOnce(t *testing.T) {
	t.Parallel()
	const total = 700
	opened := storetest.NewPostgres(t)
	b := queuetest.New(t, testservers.Redis(t))

	endpoint := webhook.NewEndpoint("org_a", "key_a", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))
	overdue, fresh := webhook.Now().Add(-2*grace), webhook.Now()
	var want []string
	for _, at := range []struct {
		due   int
		fresh bool
	}{{due: total}, {due: 3, fresh: true}} {
		event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
		var deliveries []webhook.Delivery
		for range at.due {
			d := webhook.NewDelivery(event, endpoint, overdue)
			if at.fresh {
				d.NextRetryAt = fresh
			} else {
				want = append(want, d.ID)
			}
			deliveries = append(deliveries, d)
		}
		require.NoError(t, opened.CreateEvent(t.Context(), event, deliveries))
	}
	for _, id := range want[:2] { // enqueued in an earlier life of the delivery: its row has been retried since
		b.Put(queue.Item{DeliveryID: id, Queue: webhook.QueueDeliveries})
	}
	require.NoError(t, b.Inspector.ArchiveTask(webhook.QueueDeliveries, want[0]))
	b.ArchiveAndUnlist(want[1])

	token, err := b.BeginRebuild(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.MarkIntact(t.Context(), token)) // or else everything would be enqueued at once

	var group sync.WaitGroup
	for range 2 {
		r, _ := newReconciler(opened, b.Enqueuer, 0)
		group.Go(func() { assert.NoError(t, r.Pass(context.Background())) })
	}
	group.Wait()

	tasks, err := b.Inspector.ListPendingTasks(webhook.QueueDeliveries, asynq.PageSize(2*total))
	require.NoError(t, err)
	found := make([]string, len(tasks))
	for i, task := range tasks {
		found[i] = task.ID
	}
	const share = 50 // of the pending list; the others wait in their lane
	assert.Len(t, found, share)
	assert.Subset(t, want, found, "no fresh delivery")
	for _, id := range want[:2] {
		location, err := queuetest.Locate(t.Context(), b.Redis, webhook.QueueDeliveries, id)
		require.NoError(t, err)
		assert.Contains(t, []queuetest.Location{{}, {State: "pending", Listed: true}}, location, "nothing is left of the old task")
	}
	lanes, err := b.Lanes().List(t.Context())
	require.NoError(t, err)
	lane := webhook.Lane{OrganizationID: "org_a", EndpointID: endpoint.ID}
	assert.GreaterOrEqual(t, lanes[lane].Added, int64(total-share))
}
