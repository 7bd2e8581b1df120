package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// probeKey holds nothing. In a cluster it is on the node that holds the tasks.
const (
	probeKey      = ownPrefix + "probe"
	probeLifetime = time.Minute
)

// Probe says whether Redis takes writes, with a small one that expires. One that is full, or was demoted to a replica, answers a
// PING all the same, and nothing can be enqueued or taken.
func Probe(ctx context.Context, client redis.UniversalClient) error {
	if err := client.Set(ctx, probeKey, "", probeLifetime).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}
