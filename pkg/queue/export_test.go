package queue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// ConnectWithin is ConnectTLS with another timeout for replies and dials, and no idle timeout.
func ConnectWithin(rawURL string, files TLSFiles, io time.Duration) (redis.UniversalClient, error) {
	return connect(rawURL, files, timeouts{dial: max(dialTimeout, io), io: io})
}

// BoundsOfACall returns the timeouts of a reply and of a dial.
func BoundsOfACall() (io, dial time.Duration) { return ioTimeout, dialTimeout }

// Script is a script of a caller of Pipelined.EvalSha.
type Script struct {
	SHA       string
	Keys      []string
	Arguments []any
}

// RunTogether runs scripts as Pipelined does if their callers come at the same time.
func RunTogether(ctx context.Context, client redis.UniversalClient, scripts []Script) ([]*redis.Cmd, []error) {
	var together []script
	for _, s := range scripts {
		together = append(together, script{func() error { return nil }, s.SHA, s.Keys, s.Arguments})
	}
	return runScripts(client)(ctx, together)
}
