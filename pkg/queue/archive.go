package queue

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"redrive/pkg/queue/internal/keys"

	"github.com/redis/go-redis/v9"
)

// asynq trims its archive of what is older than 90 days whenever it archives a task, in one step that fails when some 8,000
// are due at once: the task then stays active for ever. What is removed ten days earlier never comes to that.
const archiveKeeps = 80 * 24 * time.Hour

// archiveBatch is a millisecond of Redis's time.
const archiveBatch = 500

//go:embed archive.lua
var archiveSource string

var archiveScript = redis.NewScript(archiveSource)

// TrimArchive removes archived tasks that are older than 80 days, the oldest first and some at a time, and says how many. Their
// deliveries are where they were: the archive is a view of dead letters, not their record.
func (e *Enqueuer) TrimArchive(ctx context.Context, queue string) (removed int, err error) {
	k := keys.Of(queue)
	before := strconv.FormatInt(time.Now().Add(-archiveKeeps).Unix(), 10)
	for {
		count, err := archiveScript.Run(ctx, e.redis, []string{k.Archived}, before, archiveBatch, k.Task("")).Int()
		removed += count
		if err != nil {
			return removed, fmt.Errorf("trim the archive: %w", err)
		}
		if count < archiveBatch {
			return removed, nil
		}
	}
}
