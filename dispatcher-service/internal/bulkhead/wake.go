package bulkhead

import (
	"context"

	"redrive/pkg/queue"
)

// Waker makes sleeping tasks pending. queue.Enqueuer implements it.
type Waker interface {
	// Wake returns one result per task, in the order of ids. An error means that Redis is unavailable and the results are unknown.
	Wake(ctx context.Context, queue string, ids []string) ([]queue.WakeResult, error)
}
