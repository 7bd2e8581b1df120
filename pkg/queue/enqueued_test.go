package queue_test

import (
	"context"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// enqueues is a client that keeps the scripts that enqueue deliveries, before they run, and answers that each is pending.
type enqueues struct {
	redis.UniversalClient
	scripts []queue.Script
}

func (c *enqueues) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	c.scripts = append(c.scripts, queue.Script{SHA: sha, Keys: keys, Arguments: args})
	reply := redis.NewCmd(ctx)
	reply.SetVal([]any{int64(1)})
	return reply
}

// fairItem returns a delivery that has a lane.
func fairItem() queue.Item {
	item := queuetest.NewItem()
	item.Lane = webhook.Lane{OrganizationID: "org_1", EndpointID: "ep_1"}
	item.Position = webhook.Position{DueAt: item.DueAt, DeliveryID: item.DeliveryID}
	return item
}

func TestEnqueueConcurrentDeliveriesShareAScript(t *testing.T) {
	t.Parallel()
	b, seen := newBench(t, testservers.Redis(t)), &trips{}
	kept := &enqueues{UniversalClient: b.Redis}
	enqueuer := queue.NewEnqueuer(kept)
	var items []queue.Item
	for range 5 {
		items = append(items, fairItem())
		placement, err := enqueuer.Enqueue(t.Context(), items[len(items)-1])
		require.NoError(t, err)
		assert.Equal(t, queue.Queued, placement)
	}
	require.Len(t, kept.scripts, len(items))
	for _, script := range kept.scripts {
		assert.False(t, queue.IsDequeue(script.Keys), "Pipelined would send it alone")
		assert.False(t, queue.IsForward(script.Keys))
	}
	scripts := slices.Concat(kept.scripts, kept.scripts[:1]) // again

	b.Redis.AddHook(seen)
	replies, failures := queue.RunTogether(t.Context(), b.Redis, scripts)
	assert.Equal(t, make([]error, len(scripts)), failures)
	seen.mutex.Lock()
	assert.Len(t, seen.alone, 2, "one script, and once more with its source")
	seen.mutex.Unlock()
	for i, reply := range replies {
		numbers, err := reply.Int64Slice()
		require.NoError(t, err)
		want := int64(1)
		if i == len(items) {
			want = 0 // it has a task
		}
		assert.Equal(t, []int64{want}, numbers)
	}
	for _, item := range items {
		assert.Equal(t, "pending", b.Task(item.DeliveryID).State.String())
	}
}
