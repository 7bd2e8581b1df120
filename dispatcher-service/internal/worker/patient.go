package worker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// patient is the client that asynq is given. asynq pauses when it finds no task, and not when Redis refuses to say: a Redis that
// is full or read-only would be asked again as fast as it can answer.
type patient struct{ redis.UniversalClient }

// refusalPause is short beside what an outage takes to mend, and some 100 times what the answer takes.
const refusalPause = 250 * time.Millisecond

// EvalSha is how asynq takes a task (internal/rdb, dequeueCmd): the list of those that are pending is its first key.
func (p patient) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	answer := p.UniversalClient.EvalSha(ctx, sha, keys, args...)
	if refused(answer.Err()) && len(keys) > 0 && strings.HasSuffix(keys[0], ":pending") {
		time.Sleep(refusalPause)
	}
	return answer
}

// refused leaves out that there is no task, and that Redis has to be told the script first.
func refused(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT")
}
