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

// archiveRetention is shorter than asynq's own 90 days. asynq removes older entries whenever it archives a task, in one script that
// fails when about 8,000 entries are old enough at once. The task that it was archiving then stays active for ever.
const archiveRetention = 80 * 24 * time.Hour

// archiveBatch bounds the entries that one script removes. The script blocks Redis for about a millisecond.
const archiveBatch = 500

//go:embed archive.lua
var archiveSource string

var archiveScript = redis.NewScript(archiveSource)

// TrimArchive removes archived tasks that are older than 80 days, the oldest first, and returns how many. It removes them in batches;
// after an error, removed counts the batches that succeeded. The deliveries stay in the database: the archive is a view of dead letters
// for operators.
func (e *Enqueuer) TrimArchive(ctx context.Context, queue string) (removed int, err error) {
	k := keys.Of(queue)
	before := strconv.FormatInt(time.Now().Add(-archiveRetention).Unix(), 10)
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
