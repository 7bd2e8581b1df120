package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// probeKey is the key that Probe writes. In a cluster, it is on the node that holds the tasks.
const (
	probeKey      = ownPrefix + "probe"
	probeLifetime = time.Minute
)

// Probe writes a small key that expires, and returns an error if Redis refuses. PING is not enough: a Redis whose memory is full, or that
// was demoted to a replica, answers it, but no task can be enqueued or dequeued.
func Probe(ctx context.Context, client redis.UniversalClient) error {
	if err := client.Set(ctx, probeKey, "", probeLifetime).Err(); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}
