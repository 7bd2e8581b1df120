package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/webhook"
)

// deliveryOf returns the delivery of an item in lane org_a, ep_a.
func deliveryOf(item queue.Item) webhook.Delivery {
	return webhook.Delivery{
		ID: item.DeliveryID, OrganizationID: "org_a", EndpointID: "ep_a", Queue: item.Queue, Status: webhook.StatusPending, NextRetryAt: item.DueAt,
	}
}

func (b backlogBench) situation(item queue.Item) queue.Situation {
	b.t.Helper()
	s, err := b.lanes.ReadSituation(b.t.Context(), deliveryOf(item))
	require.NoError(b.t, err)
	return s
}

// asynq itself puts tasks into every state. The test fails if another version of asynq stores tasks in another way; situation.lua must
// then be adapted.
func TestReadSituationEveryState(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	absent, scheduled, running, retrying, archived := queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem(), queuetest.NewItem()
	scheduled.DueAt = time.Now().Add(time.Hour)
	release, held := make(chan struct{}), make(chan string, 1)
	stop := b.work(func(_ context.Context, task *asynq.Task) error {
		switch string(task.Payload()) {
		case running.DeliveryID:
			held <- running.DeliveryID
			<-release
			return nil
		case retrying.DeliveryID:
			return errors.New("again in an hour")
		default:
			return skip(t.Context(), task)
		}
	})
	for _, item := range []queue.Item{scheduled, retrying, archived, running} {
		b.Put(item)
	}
	queuetest.Receive(t, held, "the run")
	b.WaitForState(retrying.DeliveryID, asynq.TaskStateRetry)
	b.WaitForState(archived.DeliveryID, asynq.TaskStateArchived)

	assert.Equal(t, queue.Situation{Task: queue.PresenceAbsent}, b.situation(absent))
	assert.Equal(t, queue.Situation{Task: queue.PresenceScheduled, RunsAt: scheduled.DueAt.UTC().Truncate(time.Second)}, b.situation(scheduled))
	assert.Equal(t, queue.Situation{Task: queue.PresenceActive}, b.situation(running))
	assert.Equal(t, queue.Situation{Task: queue.PresenceArchived}, b.situation(archived))
	sleeping := b.situation(retrying)
	assert.Equal(t, queue.PresenceRetry, sleeping.Task)
	assert.WithinDuration(t, time.Now().Add(time.Hour), sleeping.RunsAt, time.Minute)
	close(release)
	stop()

	pending := queuetest.NewItem()
	b.Put(pending)
	assert.Equal(t, queue.Situation{Task: queue.PresencePending}, b.situation(pending))
	require.NoError(t, b.Inspector.PauseQueue(webhook.QueueDeliveries))
	assert.Equal(t, queue.Situation{Task: queue.PresencePending, Paused: true}, b.situation(pending))
	require.NoError(t, b.Redis.LRem(t.Context(), deliveryKeys.Pending, 0, pending.DeliveryID).Err())
	assert.Equal(t, queue.PresenceAbsent, b.situation(pending).Task, "no worker finds a task that is in no list")
	assert.EqualValues(t, 1, b.Redis.Exists(t.Context(), deliveryKeys.Task(pending.DeliveryID)).Val(), "a read removes nothing")
}

func TestReadSituationInBacklog(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	_, waiting := b.flood(laneOf("org_a", "ep_a"))
	assert.Equal(t, queue.Situation{Task: queue.PresenceAbsent, InBacklog: true}, b.situation(waiting))
	b.take(60, candidateOf(waiting))
	assert.Equal(t, queue.Situation{Task: queue.PresenceActive}, b.situation(waiting), "claimed")
	require.NoError(t, b.Redis.Del(t.Context(), deliveryKeys.Task(waiting.DeliveryID)).Err())
	assert.Equal(t, queue.Situation{Task: queue.PresenceAbsent}, b.situation(waiting), "the cursor has passed it")
}

func summaryOf(inFlight int) queue.Summary {
	return queue.Summary{
		Dispatcher: queue.DispatcherState{Limit: 50, LongestHold: time.Minute},
		Endpoints: map[string]queue.EndpointState{
			"ep_a": {Circuit: queue.CircuitOpen, Since: time.Unix(100, 0).UTC(), Until: time.Unix(160, 0).UTC(), Reason: "it hangs", InFlight: inFlight, Limit: 20, Held: 7},
			"ep_b": {Circuit: queue.CircuitClosed, InFlight: 1, Limit: 50},
		},
		Organizations: map[string]queue.OrganizationState{"org_a": {WithoutMemory: time.Unix(170, 0).UTC()}},
		Attempts:      map[string]time.Time{"dlv_a": time.Unix(180, 0).UTC()},
	}
}

func TestSummaryIsReadOfEveryDispatcher(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	first, second := queue.NewSummaries(b.Redis), queue.NewSummaries(b.Redis)
	require.NoError(t, first.Publish(t.Context(), summaryOf(3)))
	require.NoError(t, second.Publish(t.Context(), queue.Summary{Dispatcher: queue.DispatcherState{Stopping: true, Stalled: "it rests"}}))
	item := queuetest.NewItem()
	item.DeliveryID = "dlv_a"
	want := summaryOf(3)
	endpoint, organization := want.Endpoints["ep_a"], want.Organizations["org_a"]
	assert.ElementsMatch(t, []queue.DispatcherView{
		{Dispatcher: want.Dispatcher, Endpoint: &endpoint, Organization: &organization, Attempting: time.Unix(180, 0).UTC()},
		{Dispatcher: queue.DispatcherState{Stopping: true, Stalled: "it rests"}},
	}, b.situation(item).Dispatchers)

	require.NoError(t, first.Publish(t.Context(), summaryOf(4)))
	require.NoError(t, second.Remove(t.Context()))
	found := b.situation(item).Dispatchers
	require.Len(t, found, 1)
	assert.Equal(t, 4, found[0].Endpoint.InFlight)
}

// A summary expires unless it is published again. A dispatcher that has died leaves no more than its name, until another one publishes.
func TestSummaryExpires(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	dead, live := queue.NewSummaries(b.Redis), queue.NewSummaries(b.Redis)
	require.NoError(t, dead.Publish(t.Context(), summaryOf(1)))
	summaries, err := b.Redis.Keys(t.Context(), "redrive:{deliveries}:summary:*").Result()
	require.NoError(t, err)
	require.Len(t, summaries, 1)
	life, err := b.Redis.PTTL(t.Context(), summaries[0]).Result()
	require.NoError(t, err)
	assert.Positive(t, life)
	assert.LessOrEqual(t, life, 8*time.Second)

	require.NoError(t, b.Redis.Del(t.Context(), summaries[0]).Err()) // as its expiry does
	assert.Empty(t, b.situation(queuetest.NewItem()).Dispatchers)
	require.NoError(t, live.Publish(t.Context(), summaryOf(1)))
	names, err := b.Redis.SCard(t.Context(), "redrive:{deliveries}:summaries").Result()
	require.NoError(t, err)
	assert.EqualValues(t, 1, names)
}

// An unchanged summary costs one command, which keeps it. It is written again once Redis has lost it.
func TestUnchangedSummaryIsKept(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	s := queue.NewSummaries(b.Redis)
	require.NoError(t, s.Publish(t.Context(), summaryOf(1)))
	key := b.Redis.Keys(t.Context(), "redrive:{deliveries}:summary:*").Val()[0]
	require.NoError(t, b.Redis.HSet(t.Context(), key, "written", "before").Err())
	require.NoError(t, b.Redis.PExpire(t.Context(), key, time.Minute).Err())
	require.NoError(t, s.Publish(t.Context(), summaryOf(1)))
	assert.Equal(t, "before", b.Redis.HGet(t.Context(), key, "written").Val(), "nothing was written")
	assert.LessOrEqual(t, b.Redis.PTTL(t.Context(), key).Val(), 8*time.Second, "it was kept")

	require.NoError(t, b.Redis.FlushAll(t.Context()).Err())
	require.NoError(t, s.Publish(t.Context(), summaryOf(1)))
	assert.Len(t, b.situation(queuetest.NewItem()).Dispatchers, 1)
}

func TestSummaryIsBounded(t *testing.T) {
	t.Parallel()
	b := newBacklogBench(t)
	large := queue.Summary{
		Dispatcher:    queue.DispatcherState{OmittedEndpoints: 5, Stalled: strings.Repeat("ä", 1000)},
		Endpoints:     map[string]queue.EndpointState{},
		Organizations: map[string]queue.OrganizationState{},
		Attempts:      map[string]time.Time{},
	}
	for i := range 2000 {
		id := fmt.Sprintf("%s_%04d", strings.Repeat("x", 40), i)
		large.Endpoints[id] = queue.EndpointState{Circuit: queue.CircuitHalfOpen, Since: time.Now(), Until: time.Now(), Reason: strings.Repeat("x", 10_000)}
		large.Organizations[id] = queue.OrganizationState{WithoutMemory: time.Now()}
		large.Attempts[id] = time.Now()
	}
	require.NoError(t, queue.NewSummaries(b.Redis).Publish(t.Context(), large))
	found := b.situation(queuetest.NewItem()).Dispatchers[0].Dispatcher
	assert.Equal(t, 5+2000-queue.MaxSummaryEndpoints, found.OmittedEndpoints)
	assert.Equal(t, 2000-queue.MaxSummaryOrganizations, found.OmittedOrganizations)
	assert.Equal(t, 2000-queue.MaxSummaryDeliveries, found.OmittedAttempts)
	assert.Equal(t, strings.Repeat("ä", 80), found.Stalled)
	bytes := 0
	for field, value := range b.Redis.HGetAll(t.Context(), b.Redis.Keys(t.Context(), "redrive:{deliveries}:summary:*").Val()[0]).Val() {
		bytes += len(field) + len(value)
	}
	assert.Less(t, bytes, 300_000)
}

// One script reads the task, the lane and the summaries, and so they have to be in one slot.
func TestClusterSituation(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t, 3)
	for name, url := range urlsOf(cluster) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, cluster.FlushAll(t.Context()))
			shared := newBench(t, url)
			b := backlogBench{shared, queue.NewLanes(shared.Redis)}
			require.NoError(t, queue.NewSummaries(b.Redis).Publish(t.Context(), summaryOf(1)))
			pending := queuetest.NewItem()
			b.Put(pending)
			found := b.situation(pending)
			assert.Equal(t, queue.PresencePending, found.Task)
			assert.Len(t, found.Dispatchers, 1)
		})
	}
}

func TestReadSituationRedisUnavailable(t *testing.T) {
	t.Parallel()
	client, err := queue.Connect("redis://127.0.0.1:1")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	_, err = queue.NewLanes(client).ReadSituation(t.Context(), deliveryOf(queuetest.NewItem()))
	require.ErrorContains(t, err, "read the situation of delivery")
	require.ErrorContains(t, queue.NewSummaries(client).Publish(t.Context(), summaryOf(1)), "publish a summary")
	require.ErrorContains(t, queue.NewSummaries(client).Remove(t.Context()), "remove a summary")
}
