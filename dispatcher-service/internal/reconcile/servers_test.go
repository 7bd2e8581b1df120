package reconcile_test

import (
	"context"
	"sync"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// Rows that were committed and never enqueued are found, by two replicas at once and with each row queued once.
func TestCommittedAndNeverEnqueued(t *testing.T) {
	t.Parallel()
	const total = 700
	opened := storetest.Migrated(t, storetest.OpenPostgres(t, testservers.Postgres(t)))
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	inspector := asynq.NewInspectorFromRedisClient(client)

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
	archive(t, client, inspector, want[0])
	phantom(t, client, inspector, want[1])

	token, err := queue.NewEnqueuer(client).BeginRebuild(t.Context())
	require.NoError(t, err)
	require.NoError(t, queue.NewEnqueuer(client).MarkIntact(t.Context(), token)) // or else everything would be enqueued at once

	var group sync.WaitGroup
	for range 2 {
		r, _ := newReconciler(opened, queue.NewEnqueuer(client), 0)
		group.Go(func() { assert.NoError(t, r.Pass(context.Background())) })
	}
	group.Wait()

	tasks, err := inspector.ListPendingTasks(webhook.QueueDeliveries, asynq.PageSize(2*total))
	require.NoError(t, err)
	found := make([]string, len(tasks))
	for i, task := range tasks {
		found[i] = task.ID
	}
	assert.ElementsMatch(t, want, found, "each once, that of which Redis had lost a part among them")
}

// archive leaves a dead letter of an earlier life: the row has been retried since.
func archive(t *testing.T, client redis.UniversalClient, inspector *asynq.Inspector, id string) {
	t.Helper()
	_, err := queue.NewEnqueuer(client).Enqueue(t.Context(), queue.Item{DeliveryID: id, Queue: webhook.QueueDeliveries})
	require.NoError(t, err)
	require.NoError(t, inspector.ArchiveTask(webhook.QueueDeliveries, id))
}

// phantom leaves a task that is in none of asynq's sets.
func phantom(t *testing.T, client redis.UniversalClient, inspector *asynq.Inspector, id string) {
	t.Helper()
	archive(t, client, inspector, id)
	require.NoError(t, client.ZRem(t.Context(), "asynq:{"+webhook.QueueDeliveries+"}:archived", id).Err())
}
