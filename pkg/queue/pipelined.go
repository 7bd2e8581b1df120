package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/groupcommit"
	"redrive/pkg/queue/internal/keys"
)

// Pipelined is a client that sends concurrent EVALSHA commands in one pipeline, and those that end tasks as one script. A round trip costs several times as much as most of
// asynq's scripts. All other commands, and asynq's dequeue script, go to the client unchanged.
type Pipelined struct {
	redis.UniversalClient // the caller closes it
	scripts               *groupcommit.Group[script, *redis.Cmd]
}

type script struct {
	canceled  func() error // the error of the caller's context, or nil
	sha       string
	keys      []string
	arguments []any
}

// pipelineTimeout bounds a round trip. The reconciler relies on it: an acknowledgement that a worker sent before its lease expired has
// reached Redis by then, or never will.
const pipelineTimeout = ioTimeout

// NewPipelined returns a Pipelined that sends through client. While scripts arrive fast, each may be delayed by up to linger so that
// more of them share a round trip. The caller calls Drain and then closes client.
func NewPipelined(client redis.UniversalClient, linger time.Duration) *Pipelined {
	return &Pipelined{UniversalClient: client, scripts: groupcommit.New(runScripts(client), groupcommit.Options{
		Writers: 1, Linger: linger, Timeout: pipelineTimeout,
	})}
}

// Drain waits for the scripts in progress. Later scripts fail with groupcommit.ErrClosed.
func (p *Pipelined) Drain() { p.scripts.Close() }

// EvalSha runs a script in a pipeline with concurrent ones. It returns ctx's error if ctx ends before the reply; the script may or may
// not have run then. A script whose ctx ended before its pipeline was sent does not run.
func (p *Pipelined) EvalSha(ctx context.Context, sha string, keys []string, arguments ...any) *redis.Cmd {
	if IsDequeue(keys) {
		return p.UniversalClient.EvalSha(ctx, sha, keys, arguments...)
	}
	reply, err := p.scripts.Do(ctx, script{ctx.Err, sha, keys, arguments})
	if reply == nil {
		reply = redis.NewCmd(ctx)
		reply.SetErr(err)
	}
	return reply
}

// IsDequeue reports whether scriptKeys are those of asynq 0.26's dequeue script (internal/rdb, dequeueCmd): the first key is the list
// of pending tasks. An asynq server dequeues tasks one at a time, so a delay of this script would leave its workers idle.
func IsDequeue(scriptKeys []string) bool {
	return len(scriptKeys) > 0 && keys.IsPending(scriptKeys[0])
}

// runScripts returns a function that runs scripts in one pipeline. Each reply holds its own script's result or error. Scripts whose
// caller's context has ended are left out: asynq retries a command that timed out, and by then another worker may hold the task.
func runScripts(client redis.UniversalClient) groupcommit.Write[script, *redis.Cmd] {
	return func(ctx context.Context, scripts []script) ([]*redis.Cmd, []error) {
		replies, failures := make([]*redis.Cmd, len(scripts)), make([]error, len(scripts))
		var remaining []int
		for i, s := range scripts {
			if failures[i] = s.canceled(); failures[i] == nil {
				remaining = append(remaining, i)
			}
		}
		together := calls(scripts, remaining)
		send(ctx, client, together)
		for _, c := range together {
			c.answer(ctx, client, scripts, replies)
		}
		return replies, failures
	}
}

// send sends calls and keeps their replies, or the error of the pipeline in each.
func send(ctx context.Context, client redis.UniversalClient, together []*call) {
	if len(together) == 1 {
		c := together[0]
		c.reply = client.EvalSha(ctx, c.sha, c.keys, c.arguments...)
		return
	}
	if len(together) == 0 {
		return
	}
	_, _ = client.Pipelined(ctx, func(pipe redis.Pipeliner) error { // the error is in its reply too
		for _, c := range together {
			c.reply = pipe.EvalSha(ctx, c.sha, c.keys, c.arguments...)
		}
		return nil
	})
}

// IsForward reports by its keys whether a script is the one with which asynq 0.26 makes due tasks pending (internal/rdb, forwardCmd).
func IsForward(k []string) bool {
	return len(k) > 1 && keys.IsPending(k[1]) && keys.IsSleeping(k[0])
}
