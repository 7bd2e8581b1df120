package worker

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/queue"
)

// patient is the client that asynq is given. asynq pauses when it finds no task, and not when Redis refuses to say: a Redis that
// is full or read-only would be asked again as fast as it can answer.
type patient struct{ redis.UniversalClient }

// refusalPause is short beside what an outage takes to mend, and some 100 times what the answer takes.
const refusalPause = 250 * time.Millisecond

// EvalSha is also how asynq takes a task.
func (p patient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	answer := p.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if refused(answer.Err()) && queue.IsDequeue(keys) {
		time.Sleep(refusalPause)
	}
	return answer
}

// refused leaves out that there is no task, and that Redis has to be told the script first.
func refused(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT")
}
