package claim

import (
	"context"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/profile"
	"redrive/pkg/queue"
)

// client is the Redis client of an asynq server: it answers the script that dequeues a task from the Claimer, and sends everything else
// to Redis.
type client struct {
	redis.UniversalClient
	claimer *Claimer
}

// Client returns a client for an asynq server over a shared client.
func (c *Claimer) Client(shared redis.UniversalClient) redis.UniversalClient {
	return client{shared, c}
}

// EvalSha is how asynq 0.26 runs each of its scripts first.
func (w client) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	switch {
	case queue.IsDequeue(keys):
		return w.dequeue(ctx)
	case queue.IsForward(keys):
		return w.forward(ctx, sha, keys, args)
	}
	defer w.claimer.changedLater()
	return w.UniversalClient.EvalSha(ctx, sha, keys, args...)
}

func (w client) dequeue(ctx context.Context) *redis.Cmd {
	profile.Take.Begin()
	reply := redis.NewCmd(ctx)
	taken, found, err := w.claimer.next(ctx)
	switch {
	case err != nil:
		reply.SetErr(err)
	case !found:
		reply.SetErr(redis.Nil)
	default:
		reply.SetVal(taken.Message)
	}
	return reply
}

// forward makes due tasks pending. It does not ask Redis while the last look has shown that none is due.
func (w client) forward(ctx context.Context, sha string, keys []string, args []any) *redis.Cmd {
	if !w.claimer.mayForward() {
		reply := redis.NewCmd(ctx)
		reply.SetVal(int64(0))
		return reply
	}
	reply := w.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if forwarded(reply) {
		w.claimer.signal()
	}
	return reply
}

func forwarded(reply *redis.Cmd) bool {
	moved, err := reply.Int()
	return err == nil && moved > 0
}
