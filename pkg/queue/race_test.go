package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
)

// A manual retry may come while the last run's handler returns, while asynq archives the task, or later. Another run must follow in each
// case, since otherwise the delivery would wait for the reconciler.
func TestEnqueueSettledDuringArchivingRunsAgain(t *testing.T) {
	t.Parallel()
	const rounds = 500
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	recorded := make(chan struct{}, rounds+1)
	b.work(func(context.Context, *asynq.Task) error {
		recorded <- struct{}{} // from here on the row is in failure and may be retried
		return fmt.Errorf("used up: %w", asynq.SkipRetry)
	})

	placed := map[queue.Placement]int{b.Put(item): 1}
	for round := range rounds {
		queuetest.Receive(t, recorded, fmt.Sprintf("run %d, after %v", round, placed))
		if round%2 == 1 {
			waitAbout(time.Millisecond) // the other rounds are as early as can be
		}
		placement, err := b.EnqueueSettled(t.Context(), item)
		require.NoError(t, err)
		for begin := time.Now(); placement == queue.Active; { // asynq has not moved the task yet, on a busy machine
			require.Less(t, time.Since(begin), soon, "round %d", round)
			placement, err = b.EnqueueSettled(t.Context(), item)
			require.NoError(t, err)
		}
		placed[placement]++
	}
	queuetest.Receive(t, recorded, "the last run")
	b.WaitForState(item.DeliveryID, asynq.TaskStateArchived)
	require.Empty(t, recorded, "no run more than was asked for")
	t.Logf("placed: %v", placed)
}

// waitAbout spins for a random time, since timers are too coarse to hit the moment at which asynq moves a task.
func waitAbout(d time.Duration) {
	for end := time.Now().Add(rand.N(d)); time.Now().Before(end); {
	}
}

// Enqueue succeeds while an operator archives and deletes the same task.
func TestEnqueueDuringOperatorChangesSucceeds(t *testing.T) {
	t.Parallel()
	b, item := newBench(t, testservers.Redis(t)), queuetest.NewItem()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 300 {
			_ = b.Inspector.ArchiveTask(item.Queue, item.DeliveryID)
			_ = b.Inspector.DeleteTask(item.Queue, item.DeliveryID)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
			b.Put(item)
		}
	}
	b.Put(item)
	require.Equal(t, asynq.TaskStatePending, b.Task(item.DeliveryID).State)
}
