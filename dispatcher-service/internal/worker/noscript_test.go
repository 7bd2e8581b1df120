package worker_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/claim"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testmetrics"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// asynq sends the source of its own script to a Redis that lacks it. It never does so for a dequeue, which would take tasks without regard
// to organizations. All tasks come from the Claimer, also after Redis has lost all scripts.
func TestDequeueWithoutScriptsPassesClaimer(t *testing.T) {
	t.Parallel()
	const tasks = 5
	b := newBench(t, testservers.Redis(t))
	registry := prometheus.NewRegistry()
	lanes := queue.NewLanes(b.Redis)
	claimer := claim.New(claim.Options{
		Lanes: lanes, Store: emptyStore{}, Queue: webhook.QueueDeliveries, Workers: 2, Room: func(string) int { return 2 },
		Log: slog.New(slog.DiscardHandler), Registry: registry,
	})
	ran := make(chan string, tasks)
	pool := worker.New(b.Redis, claimer, lanes, deliverer(func(_ context.Context, id, _ string) (deliver.Verdict, error) {
		ran <- id
		return deliver.Done(), nil
	}), worker.Options{Concurrency: 2, ShutdownTimeout: soon, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, pool.Start())
	for range tasks {
		require.NoError(t, b.Redis.ScriptFlush(t.Context()).Err())
		id := b.enqueue()
		assert.Equal(t, id, queuetest.Receive(t, ran, "the delivery"))
		b.WaitUntilRemoved(id)
	}
	require.NoError(t, pool.Stop(t.Context()))
	assert.EqualValues(t, tasks, testmetrics.Sum(t, registry, "redrive_tasks_taken_total", "queue"))
}
