package queue

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

//go:embed oldest.lua
var oldestSource string

var oldestScript = redis.NewScript(oldestSource)

// OldestPending returns for how long the next task to be taken has been pending, and 0 if none is. Tasks that are scheduled or put
// off do not count, so it grows only while no worker takes tasks or all are busy. It goes by this process's clock and by that of the
// process that enqueued the task.
func (e *Enqueuer) OldestPending(ctx context.Context, queue string) (time.Duration, error) {
	k := keys.Of(queue)
	since, err := oldestScript.Run(ctx, e.redis, []string{k.Pending}, k.Task("")).Int64()
	if err != nil {
		return 0, fmt.Errorf("look up the oldest pending task: %w", err)
	}
	if since == 0 {
		return 0, nil
	}
	return max(0, time.Since(time.Unix(0, since))), nil
}
