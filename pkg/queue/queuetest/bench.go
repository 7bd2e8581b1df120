// Package queuetest is for tests: it reads tasks from Redis as asynq stores them, and leaves them behind as crashes do.
package queuetest

import (
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// safetyLimit ends a wait for something that does not happen. No verdict depends on it.
const safetyLimit = time.Minute

// Bench is an Enqueuer with direct access to its Redis. Its methods fail the test on an error.
type Bench struct {
	*queue.Enqueuer
	Redis     redis.UniversalClient
	Inspector *asynq.Inspector
	t         testing.TB
}

// New connects to the Redis at the URL until the test ends.
func New(t testing.TB, url string) Bench {
	t.Helper()
	client, err := queue.Connect(url)
	require.NoError(t, err)
	return On(t, client)
}

// On makes a Bench of a client. It closes the client when the test ends.
func On(t testing.TB, client redis.UniversalClient) Bench {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return Bench{Enqueuer: queue.NewEnqueuer(client), Redis: client, Inspector: asynq.NewInspectorFromRedisClient(client), t: t}
}

// NewItem returns a new delivery that is due now.
func NewItem() queue.Item {
	now := webhook.Now()
	return queue.Item{DeliveryID: webhook.NewID(webhook.KindDelivery, now), Queue: webhook.QueueDeliveries, DueAt: now}
}

// Put enqueues the item and returns its placement.
func (b Bench) Put(item queue.Item) queue.Placement {
	b.t.Helper()
	placement, err := b.Enqueue(b.t.Context(), item)
	require.NoError(b.t, err)
	return placement
}

// Task returns the task of a delivery.
func (b Bench) Task(id string) *asynq.TaskInfo {
	b.t.Helper()
	info, err := b.Inspector.GetTaskInfo(webhook.QueueDeliveries, id)
	require.NoError(b.t, err)
	return info
}

// WaitForState polls until the task is in the state: asynq moves a task after its handler has returned.
func (b Bench) WaitForState(id string, state asynq.TaskState) (info *asynq.TaskInfo) {
	b.t.Helper()
	require.Eventually(b.t, func() (reached bool) {
		var err error
		info, err = b.Inspector.GetTaskInfo(webhook.QueueDeliveries, id)
		return err == nil && info.State == state
	}, safetyLimit, 2*time.Millisecond, "the task never became %s", state)
	return info
}

// WaitUntilRemoved polls until the task does not exist.
func (b Bench) WaitUntilRemoved(id string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		_, err := b.Inspector.GetTaskInfo(webhook.QueueDeliveries, id)
		return errors.Is(err, asynq.ErrTaskNotFound)
	}, safetyLimit, 2*time.Millisecond, "the task still exists")
}

// Receive receives a value, or fails the test with what was waited for.
func Receive[T any](t testing.TB, c <-chan T, what string) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(safetyLimit):
		require.FailNow(t, what+" did not happen")
	}
	return value
}
