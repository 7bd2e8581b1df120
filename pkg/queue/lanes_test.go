package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// backlogBench is a bench with the lanes of its Redis.
type backlogBench struct {
	bench
	lanes *queue.Lanes
}

func newBacklogBench(t *testing.T) backlogBench {
	t.Helper()
	b := newBench(t, testservers.Redis(t))
	return backlogBench{b, queue.NewLanes(b.Redis)}
}

func laneOf(organization, endpoint string) webhook.Lane {
	return webhook.Lane{OrganizationID: organization, EndpointID: endpoint}
}

// itemIn returns a delivery that is due now.
func itemIn(lane webhook.Lane) queue.Item {
	item := queuetest.NewItem()
	item.Lane, item.Position = lane, webhook.Position{DueAt: item.DueAt, DeliveryID: item.DeliveryID}
	return item
}

func candidateOf(item queue.Item) queue.Candidate {
	return queue.Candidate{Lane: item.Lane, Position: item.Position}
}

// flood enqueues deliveries until the lane is in backlog, and returns the first that waits in it.
func (b backlogBench) flood(lane webhook.Lane) (pending int, waiting queue.Item) {
	b.t.Helper()
	for {
		item := itemIn(lane)
		if b.Put(item) == queue.Backlogged {
			return pending, item
		}
		pending++
	}
}

func (b backlogBench) take(n int, candidates ...queue.Candidate) queue.Taking {
	b.t.Helper()
	taking, err := b.lanes.Take(b.t.Context(), webhook.QueueDeliveries, n, candidates)
	require.NoError(b.t, err)
	return taking
}

func (b backlogBench) state(lane webhook.Lane) (state queue.LaneState, open bool) {
	b.t.Helper()
	lanes, err := b.lanes.List(b.t.Context())
	require.NoError(b.t, err)
	state, open = lanes[lane]
	return state, open
}

func TestEnqueueOverShareWaitsInLane(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org:a", "ep_a")
	pending, waiting := b.flood(a)
	assert.Equal(t, 50, pending)
	assert.Zero(t, b.Redis.Exists(t.Context(), deliveryKeys.Task(waiting.DeliveryID)).Val(), "no task")
	state, open := b.state(a)
	require.True(t, open)
	assert.Equal(t, queue.LaneState{Added: 1}, state)

	other := itemIn(laneOf("org:b", "ep_b"))
	assert.Equal(t, queue.Queued, b.Put(other), "another organization has a share of its own")
	head := itemIn(webhook.Lane{OrganizationID: "org:a", EndpointID: "ep_a", Priority: webhook.PriorityHead})
	assert.Equal(t, queue.Queued, b.Put(head), "and so has a delivery of priority head")
	bulk := itemIn(webhook.Lane{OrganizationID: "org:c", EndpointID: "ep_c", Priority: webhook.PriorityBulk})
	assert.Equal(t, queue.Backlogged, b.Put(bulk), "bulk deliveries have none")
	assert.Equal(t, queue.AlreadyQueued, b.Put(other), "it has a task")
}

// Manual retries of many deliveries whose tasks are archived do not fill the pending list.
func TestEnqueueEndedCountsInShare(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	head := webhook.Lane{OrganizationID: "org_a", EndpointID: "ep_a", Priority: webhook.PriorityHead}
	items := make([]queue.Item, 20)
	for i := range items {
		items[i] = itemIn(laneOf("org_a", "ep_a"))
		require.Equal(t, queue.Queued, b.Put(items[i]))
	}
	stop := b.work(skip)
	for _, item := range items {
		b.WaitForState(item.DeliveryID, asynq.TaskStateArchived)
	}
	stop()
	count := map[queue.Placement]int{}
	for _, item := range items {
		item.Lane, item.Ended = head, true
		count[b.Put(item)]++
	}
	assert.Equal(t, map[queue.Placement]int{queue.Woken: 16, queue.Backlogged: 4}, count)
	assert.Zero(t, b.Redis.ZCard(t.Context(), deliveryKeys.Archived).Val())
}

func TestTakeClaimsInOrderAndOnce(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	pending, first := b.flood(a)
	second := itemIn(a)
	require.Equal(t, queue.Backlogged, b.Put(second))
	for pending > 0 {
		pending -= len(b.take(16).Tasks)
	}

	taking := b.take(16, candidateOf(first), candidateOf(second))
	assert.Equal(t, []queue.Fate{queue.Claimed, queue.Claimed}, taking.Fates)
	require.Len(t, taking.Tasks, 2)
	assert.Equal(t, first.DeliveryID, taking.Tasks[0].DeliveryID)
	assert.Equal(t, a, taking.Tasks[0].Lane)
	assert.Equal(t, asynq.TaskStateActive, b.Task(first.DeliveryID).State)
	assert.Equal(t, queue.TaskType, b.Task(first.DeliveryID).Type)
	state, _ := b.state(a)
	assert.Equal(t, second.Position, state.Cursor)

	again := b.take(16, candidateOf(first), candidateOf(second))
	assert.Empty(t, again.Tasks)
	assert.Equal(t, []queue.Fate{queue.Passed, queue.Passed}, again.Fates)
	late := candidateOf(first)
	late.Late = true
	assert.Equal(t, []queue.Fate{queue.HasTask}, b.take(16, late).Fates)
	unknown := candidateOf(itemIn(laneOf("org_x", "ep_x")))
	assert.Equal(t, []queue.Fate{queue.NoBacklog}, b.take(16, unknown).Fates)
}

// A delivery that was committed after the cursor had passed its position is enqueued as a task.
func TestEnqueueBehindCursorIsPending(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	late := itemIn(a)
	pending, waiting := b.flood(a)
	b.take(pending+1, candidateOf(waiting)) // both shares, and the cursor moves
	for len(b.take(50, candidateOf(itemIn(a))).Tasks) > 1 {
		continue
	}
	require.Equal(t, queue.Queued, b.Put(late))
}

func TestTakeConcurrentClaimsOnce(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	b.flood(a)
	candidates := make([]queue.Candidate, 64)
	for i := range candidates {
		candidates[i] = candidateOf(itemIn(a))
	}
	var mutex sync.Mutex
	claims := map[string]int{}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for at := 0; at < len(candidates); at += 8 {
				taking, err := b.lanes.Take(t.Context(), webhook.QueueDeliveries, 200, candidates[at:at+8])
				if !assert.NoError(t, err) {
					return
				}
				mutex.Lock()
				for _, taken := range taking.Tasks {
					claims[taken.DeliveryID]++
				}
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	for id, count := range claims {
		assert.Equal(t, 1, count, "%s", id)
	}
}

// While tasks of two organizations are pending and a third is in backlog, the third gets a third of the places.
func TestTakeSharesPlaces(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	pending, waiting := b.flood(a)
	for pending > 0 {
		pending -= len(b.take(50).Tasks)
	}
	for range 10 {
		require.Equal(t, queue.Queued, b.Put(itemIn(laneOf("org_b", "ep_b"))))
		require.Equal(t, queue.Queued, b.Put(itemIn(laneOf("org_c", "ep_c"))))
	}
	candidates := []queue.Candidate{candidateOf(waiting)}
	for range 11 {
		candidates = append(candidates, candidateOf(itemIn(a)))
	}
	count := map[string]int{}
	for _, taken := range b.take(12, candidates...).Tasks {
		count[taken.Lane.OrganizationID]++
	}
	assert.Equal(t, map[string]int{"org_a": 4, "org_b": 4, "org_c": 4}, count)
}

func TestTakeFromPausedQueueTakesNothing(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	_, waiting := b.flood(laneOf("org_a", "ep_a"))
	require.NoError(t, b.Inspector.PauseQueue(webhook.QueueDeliveries))
	assert.Empty(t, b.take(16, candidateOf(waiting)).Tasks)
	require.NoError(t, b.Inspector.UnpauseQueue(webhook.QueueDeliveries))
	assert.Len(t, b.take(16, candidateOf(waiting)).Tasks, 16)
}

// asynq's forwarder makes tasks pending without counting them. A count that differs for that reason does not use up a share for ever.
func TestSharesRecoverFromDrift(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	pending, _ := b.flood(a)
	require.NoError(t, b.Redis.Del(t.Context(), deliveryKeys.Pending).Err()) // an operator deleted them
	b.take(1)
	state, _ := b.state(a)
	closed, err := b.lanes.Close(t.Context(), a, state)
	require.NoError(t, err)
	require.True(t, closed)
	again, _ := b.flood(a)
	assert.Equal(t, pending, again)
}

func TestDeferOverLimitWaitsInLane(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a, ctx := laneOf("org_a", "ep_a"), t.Context()
	kept := 0
	for {
		item := itemIn(a)
		require.Equal(t, queue.Queued, b.Put(item))
		require.Len(t, b.take(1).Tasks, 1)
		keep, err := b.lanes.Defer(ctx, item.DeliveryID, item.Queue, a)
		require.NoError(t, err)
		if !keep {
			break
		}
		b.toRetry(item)
		kept++
	}
	assert.Equal(t, 50, kept)
	state, open := b.state(a)
	assert.True(t, open)
	assert.EqualValues(t, 1, state.Added)

	item := itemIn(laneOf("org_b", "ep_b"))
	require.Equal(t, queue.Queued, b.Put(item))
	keep, err := b.lanes.Defer(ctx, item.DeliveryID, item.Queue, item.Lane)
	require.NoError(t, err)
	assert.True(t, keep, "another organization has a limit of its own")
}

// toRetry moves an active task to the retry set, as asynq does when its handler asks for another run.
func (b backlogBench) toRetry(item queue.Item) {
	b.t.Helper()
	ctx, k := b.t.Context(), deliveryKeys
	require.NoError(b.t, b.Redis.LRem(ctx, k.Active, 0, item.DeliveryID).Err())
	require.NoError(b.t, b.Redis.ZRem(ctx, k.Lease, item.DeliveryID).Err())
	require.NoError(b.t, b.Redis.HSet(ctx, k.Task(item.DeliveryID), "state", "retry").Err())
	require.NoError(b.t, b.Redis.ZAdd(ctx, k.Retry, redis.Z{Score: float64(time.Now().Add(time.Hour).Unix()), Member: item.DeliveryID}).Err())
}

func TestHandBackIsTakenNext(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	first, second := itemIn(laneOf("org_a", "ep_a")), itemIn(laneOf("org_a", "ep_a"))
	require.Equal(t, queue.Queued, b.Put(first))
	require.Equal(t, queue.Queued, b.Put(second))
	taking := b.take(1)
	require.NoError(t, b.lanes.HandBack(t.Context(), webhook.QueueDeliveries, taking.Tasks))
	assert.Equal(t, asynq.TaskStatePending, b.Task(first.DeliveryID).State)
	assert.Equal(t, first.DeliveryID, b.take(1).Tasks[0].DeliveryID)
}

// asynq decodes what a claim encodes: it is what asynq itself would have enqueued.
func TestClaimEncodesAsAsynqDoes(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	a := laneOf("org_a", "ep_a")
	_, waiting := b.flood(a)
	own, claimed := queuetest.NewItem(), b.take(60, candidateOf(waiting))
	require.Equal(t, queue.Queued, b.Put(own)) // by asynq's client
	want, err := b.Redis.HGet(t.Context(), deliveryKeys.Task(own.DeliveryID), "msg").Result()
	require.NoError(t, err)
	last := claimed.Tasks[len(claimed.Tasks)-1]
	assert.Len(t, last.Message, len(want))
	info := b.Task(waiting.DeliveryID)
	assert.Equal(t, waiting.DeliveryID, string(info.Payload))
	assert.Equal(t, b.Task(own.DeliveryID).MaxRetry, info.MaxRetry)
	assert.Equal(t, b.Task(own.DeliveryID).Timeout, info.Timeout)
}

// A test has no lane, because the lane of a paused endpoint is not read.
func TestItemOfTestHasNoLane(t *testing.T) {
	t.Parallel()
	event, endpoint := webhook.Event{ID: "evt_1", OrganizationID: "org_a"}, webhook.Endpoint{ID: "ep_a"}
	assert.Equal(t, webhook.Lane{}, queue.ItemOf(webhook.NewTest(event, endpoint, webhook.Now())).Lane)
	assert.NotEqual(t, webhook.Lane{}, queue.ItemOf(webhook.NewDelivery(event, endpoint, webhook.Now())).Lane)
}
