package e2e

import (
	"errors"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const queueName = "deliveries"

// inspect finds a delivery's task in the queue, as an operator does, and returns its state.
func inspect(t *testing.T, s *suite, id string) asynq.TaskState {
	t.Helper()
	info, err := inspectable(t, s).Queues().GetTaskInfo(queueName, id)
	require.NoError(t, err)
	assert.Equal(t, id, info.ID)
	assert.Equal(t, "webhook:deliver", info.Type)
	assert.Equal(t, id, string(info.Payload))
	return info.State
}

// hasTask reports whether the queue has a task of the delivery.
func hasTask(t *testing.T, s *suite, id string) bool {
	t.Helper()
	_, err := inspectable(t, s).Queues().GetTaskInfo(queueName, id)
	if !errors.Is(err, asynq.ErrTaskNotFound) {
		require.NoError(t, err)
	}
	return err == nil
}

func TestQueueTaskHasTheDeliveryID(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		queue := inspectable(t, s).Queues()
		c := s.organization(t)
		hold := newGate()
		hook := newReceiver(t)
		c.endpoint(t, hook.on("/busy", status(503).with("Retry-After", "60")), 1, "busy")
		c.endpoint(t, hook.on("/held", status(500).behind(hold), status(200)), 0, "held")

		waiting := c.publishEvent(t, `{"eventType":"busy","data":{}}`).Deliveries[0]
		due := c.awaitStatus(t, waiting.ID, retrying).NextRetryAt
		eventually(t, "its task waits for its time", func() bool {
			state := inspect(t, s, waiting.ID)
			return state == asynq.TaskStateRetry || state == asynq.TaskStateScheduled
		})
		info, err := queue.GetTaskInfo(queueName, waiting.ID)
		require.NoError(t, err)
		assert.False(t, info.NextProcessAt.Before(due), "not before the database says")
		assert.Contains(t, info.LastErr, "503")

		sent := c.publishEvent(t, `{"eventType":"held","data":{}}`).Deliveries[0]
		hook.await(t, sent.ID, 1)
		assert.Equal(t, asynq.TaskStateActive, inspect(t, s, sent.ID))
		hold.open()

		c.awaitStatus(t, sent.ID, failure)
		eventually(t, "its task is archived", func() bool { return inspect(t, s, sent.ID) == asynq.TaskStateArchived })
		info, err = queue.GetTaskInfo(queueName, sent.ID)
		require.NoError(t, err)
		assert.Contains(t, info.LastErr, "500", "the operator sees why")

		data[delivery](t, c.retry(t, sent.ID))
		c.awaitStatus(t, sent.ID, success)
		eventually(t, "its task is gone", func() bool {
			_, err := queue.GetTaskInfo(queueName, sent.ID)
			return err != nil
		})
		_, err = queue.GetTaskInfo(queueName, sent.ID)
		require.ErrorIs(t, err, asynq.ErrTaskNotFound)
	})
}
