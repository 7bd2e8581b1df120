package queue

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo makes go-redis log to log at the level debug, for the whole process. go-redis logs failed connections, and the caller that
// used the connection gets and logs the same error.
func LogTo(log *slog.Logger) { redis.SetLogger(redisLog{log}) }

type redisLog struct{ log *slog.Logger }

func (r redisLog) Printf(ctx context.Context, format string, args ...any) {
	r.log.DebugContext(ctx, "redis: "+fmt.Sprintf(format, args...))
}
