package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestDone(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	type call struct{ id, queue string }
	calls := make(chan call, 1)
	b.pool(4, func(_ context.Context, id, queue string) (deliver.Verdict, error) {
		calls <- call{id, queue}
		return deliver.Done(), nil
	})
	id := b.enqueue()
	assert.Equal(t, call{id, webhook.QueueDeliveries}, queuetest.Receive(t, calls, "the delivery"))
	b.WaitUntilRemoved(id)
	assert.Zero(t, b.queue().FailedTotal)
}

// A retry is scheduled for the second in the row, and counts as one.
func TestRetry(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	begin := time.Now()
	at := begin.Add(time.Hour).Truncate(time.Second) // whole seconds, as the policy decides
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		return deliver.Verdict{Kind: deliver.KindRetry, At: at, Reason: "answered 500; retry 1 of 5 follows"}, nil
	})
	task := b.WaitForState(b.enqueue(), asynq.TaskStateRetry)
	// asynq adds the delay to the time at which it handles the error, which can be late on a busy machine.
	assert.WithinRange(t, task.NextProcessAt, at, at.Add(time.Since(begin)))
	assert.Equal(t, 1, task.Retried)
	assert.Equal(t, "answered 500; retry 1 of 5 follows", task.LastErr)
	assert.Equal(t, 1, b.queue().FailedTotal)
}

func TestRetryRunsNotBeforeItsTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	type run struct{ began, again time.Time }
	runs := make(chan run, 2)
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		now := time.Now()
		again := now.Truncate(time.Second).Add(2 * time.Second)
		runs <- run{now, again}
		if len(runs) == 1 {
			return deliver.Verdict{Kind: deliver.KindRetry, At: again, Reason: "answered 500; retry 1 of 5 follows"}, nil
		}
		return deliver.Done(), nil
	})
	b.WaitUntilRemoved(b.enqueue())
	first, second := <-runs, queuetest.Receive(t, runs, "the retry")
	assert.False(t, second.began.Before(first.again), "%s early", first.again.Sub(second.began))
}

// A snooze counts as a failure neither in the task nor in the statistics.
func TestSnooze(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	begin := time.Now()
	at := begin.Add(time.Hour)
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		return deliver.Snooze(at, "it is not due yet"), nil
	})
	task := b.WaitForState(b.enqueue(), asynq.TaskStateRetry)
	assert.WithinRange(t, task.NextProcessAt, at.Add(-time.Second), at.Add(time.Second+time.Since(begin)))
	assert.Zero(t, task.Retried)
	assert.Equal(t, "it is not due yet", task.LastErr)
	assert.Zero(t, b.queue().FailedTotal)
}

// A time in the past means now.
func TestSnoozeUntilThePast(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	runs := make(chan struct{}, 2)
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		runs <- struct{}{}
		if len(runs) == 1 {
			return deliver.Snooze(time.Now().Add(-time.Hour), "another run moved it"), nil
		}
		return deliver.Done(), nil
	})
	b.WaitUntilRemoved(b.enqueue())
	assert.Len(t, runs, 2)
}

func TestDead(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		return deliver.Verdict{Kind: deliver.KindDead, Reason: "the receiver answered 410 Gone"}, nil
	})
	id := b.enqueue()
	task := b.WaitForState(id, asynq.TaskStateArchived)
	assert.Equal(t, "the receiver answered 410 Gone", task.LastErr)
	assert.Equal(t, 1, b.queue().FailedTotal)

	require.NoError(t, b.Inspector.RunTask(webhook.QueueDeliveries, id)) // an action of the operator
	require.Eventually(t, func() bool { return b.queue().ProcessedTotal == 2 }, soon, 2*time.Millisecond)
	assert.Contains(t, b.WaitForState(id, asynq.TaskStateArchived).LastErr, "the receiver answered 410 Gone")
}

// After an error of our own, the task runs again soon and does not count as failed.
func TestError(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		return deliver.Verdict{}, errors.New("the database is away")
	})
	begin := time.Now()
	task := b.WaitForState(b.enqueue(), asynq.TaskStateRetry)
	assert.WithinRange(t, task.NextProcessAt, begin.Truncate(time.Second), time.Now().Add(6*time.Second))
	assert.Zero(t, task.Retried)
	assert.Equal(t, "the database is away", task.LastErr)
	assert.Zero(t, b.queue().FailedTotal)
}

func TestPanic(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	b.pool(1, func(_ context.Context, id, _ string) (deliver.Verdict, error) { panic("a bug with " + id) })
	for range 3 {
		assert.Contains(t, b.WaitForState(b.enqueue(), asynq.TaskStateRetry).LastErr, "a bug with", "the worker goes on")
	}
}

func TestForeignTask(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	b.pool(4, func(context.Context, string, string) (deliver.Verdict, error) {
		assert.Fail(t, "delivered")
		return deliver.Done(), nil
	})
	client := asynq.NewClientFromRedisClient(b.Redis)
	for _, payload := range []string{"", "{}", "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"} {
		info, err := client.Enqueue(asynq.NewTask("email:send", []byte(payload)), asynq.Queue(webhook.QueueDeliveries))
		require.NoError(t, err)
		assert.Contains(t, b.WaitForState(info.ID, asynq.TaskStateArchived).LastErr, "ULID")
	}
}
