package worker

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/profile"
	"redrive/pkg/queue"
)

// backoffClient is asynq's Redis client. asynq pauses when there is no task, but not when Redis refuses to dequeue one: it would poll a
// Redis that is read-only as fast as it can respond. This client pauses then.
type backoffClient struct{ redis.UniversalClient }

// refusalPause is short beside an outage, and about 100 times as long as a call.
const refusalPause = 250 * time.Millisecond

// EvalSha runs a script. asynq dequeues a task with one.
func (c backoffClient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if !queue.IsDequeue(keys) {
		profile.Acknowledge.Begin()
	}
	answer := c.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if refused(answer.Err()) && queue.IsDequeue(keys) {
		time.Sleep(refusalPause)
	}
	return answer
}

// refused reports whether Redis refused the call. It leaves out redis.Nil, for no task, and NOSCRIPT, after which the script is sent.
func refused(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT")
}
