package queue_test

import (
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestDeliveryID(t *testing.T) {
	want := webhook.NewID(webhook.KindDelivery, time.Now())
	id, err := queue.DeliveryID(asynq.NewTask(queue.TaskType, []byte(want)))
	require.NoError(t, err)
	assert.Equal(t, want, id)

	for _, payload := range []string{
		"", "{}", `{"id":"` + want + `"}`, want + "\n", " " + want, want[1:], "evt" + want[3:], want + "0", "dlv_" + "8" + want[5:], "\x00\xff",
	} {
		_, err := queue.DeliveryID(asynq.NewTask(queue.TaskType, []byte(payload)))
		assert.Error(t, err, "%q", payload)
	}
	_, err = queue.DeliveryID(asynq.NewTask(queue.TaskType, nil))
	assert.Error(t, err)
}
