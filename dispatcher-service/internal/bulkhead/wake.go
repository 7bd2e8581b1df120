package bulkhead

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Waker makes tasks pending that sleep.
type Waker interface {
	// Wake says what became of each. An error means that Redis is away, and nothing is known.
	Wake(ctx context.Context, queue string, ids []string) ([]Waking, error)
}

// Waking is what became of a task.
type Waking int

// What can become of a task.
const (
	Gone   Waking = iota // there is none that sleeps
	Coming               // it is pending
	Busy                 // a worker has it: it may be about to go to sleep
)

// wakeSource moves tasks as asynq 0.26 does (internal/rdb, runTaskCmd), but for the end of the list: asynq's Inspector puts
// them behind all that is pending, and the slots that are kept for them would be idle until all of that is done. It also makes
// one trip for many, and needs no queue to be announced.
//
//go:embed wake.lua
var wakeSource string

var wakeScript = redis.NewScript(wakeSource)

// QueueWaker is a Waker over asynq's keys in Redis.
type QueueWaker struct{ redis redis.UniversalClient }

// NewQueueWaker makes one. The client stays the caller's.
func NewQueueWaker(client redis.UniversalClient) *QueueWaker { return &QueueWaker{redis: client} }

// Wake puts the tasks where workers look next, in this order.
func (w *QueueWaker) Wake(ctx context.Context, queue string, ids []string) ([]Waking, error) {
	prefix := "asynq:{" + queue + "}:"
	keys := []string{prefix + "pending", prefix + "scheduled", prefix + "retry"}
	arguments := []any{time.Now().UnixNano()}
	for _, id := range ids {
		keys = append(keys, prefix+"t:"+id)
		arguments = append(arguments, id)
	}
	answers, err := wakeScript.Run(ctx, w.redis, keys, arguments...).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("wake tasks: %w", err)
	}
	if len(answers) != len(ids) {
		return nil, fmt.Errorf("wake tasks: %d answers for %d", len(answers), len(ids))
	}
	wakings := make([]Waking, len(ids))
	for i, answer := range answers {
		wakings[i] = Waking(answer)
	}
	return wakings, nil
}
