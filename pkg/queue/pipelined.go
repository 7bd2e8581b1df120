package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"redrive/pkg/groupcommit"
	"redrive/pkg/queue/internal/keys"
)

// Pipelined is a client whose scripts, where many are run at the same time, share a round trip: a trip costs client and server
// several times what most of asynq's scripts do. Everything else goes to the client as it is.
type Pipelined struct {
	redis.UniversalClient // not to be closed by way of this
	scripts               *groupcommit.Group[script, *redis.Cmd]
}

type script struct {
	gone      func() error // why nobody waits for it any more, once that is so
	sha       string
	keys      []string
	arguments []any
}

// pipelineTimeout is how long a trip may take. The reconciler counts on it: what a worker says about a task whose lease runs out
// meanwhile has reached Redis, or never will, by then.
const pipelineTimeout = ioTimeout

// Gather makes a Pipelined of a client, which stays the caller's to close, after Drain. Where scripts come so fast that some others
// will come within it, one waits for as long as linger.
func NewPipelined(client redis.UniversalClient, linger time.Duration) *Pipelined {
	return &Pipelined{UniversalClient: client, scripts: groupcommit.New(runScripts(client), groupcommit.Options{
		Writers: 1, Linger: linger, Timeout: pipelineTimeout,
	})}
}

// Drain returns once no script is under way. Those that come later are refused.
func (g *Pipelined) Drain() { g.scripts.Close() }

// EvalSha runs a script together with those of others.
func (g *Pipelined) EvalSha(ctx context.Context, sha string, keys []string, arguments ...any) *redis.Cmd {
	if IsDequeue(keys) {
		return g.UniversalClient.EvalSha(ctx, sha, keys, arguments...)
	}
	reply, err := g.scripts.Do(ctx, script{ctx.Err, sha, keys, arguments})
	if reply == nil {
		reply = redis.NewCmd(ctx)
		reply.SetErr(err)
	}
	return reply
}

// Takes says by its keys whether a script is the one with which asynq 0.26 takes a task off the queue (internal/rdb, dequeueCmd):
// its first key is the list of what is pending. A server takes one task after the other: to wait for company would have it idle.
func IsDequeue(k []string) bool {
	return len(k) > 0 && keys.IsPending(k[0])
}

// runScripts runs scripts in one pipeline. Each has its own reply, or error, in it. One whose caller has gone meanwhile is not run:
// asynq tries again what it could not say in time, and by then the task may be another worker's.
func runScripts(client redis.UniversalClient) groupcommit.Write[script, *redis.Cmd] {
	return func(ctx context.Context, scripts []script) ([]*redis.Cmd, []error) {
		replies, failures := make([]*redis.Cmd, len(scripts)), make([]error, len(scripts))
		var wanted []int
		for i, s := range scripts {
			if failures[i] = s.gone(); failures[i] == nil {
				wanted = append(wanted, i)
			}
		}
		if len(wanted) == 1 {
			i := wanted[0]
			replies[i] = client.EvalSha(ctx, scripts[i].sha, scripts[i].keys, scripts[i].arguments...)
		}
		if len(wanted) > 1 {
			_, _ = client.Pipelined(ctx, func(pipe redis.Pipeliner) error { // the error is the first that is in a reply
				for _, i := range wanted {
					replies[i] = pipe.EvalSha(ctx, scripts[i].sha, scripts[i].keys, scripts[i].arguments...)
				}
				return nil
			})
		}
		return replies, failures
	}
}
