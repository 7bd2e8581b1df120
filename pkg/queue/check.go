package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Check returns an error if Redis reports that the database number of REDIS_URL does not exist. It ignores all other failures, since they
// may be temporary and a service starts without Redis.
func Check(ctx context.Context, client redis.UniversalClient) error {
	err := client.Ping(ctx).Err()
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "SELECT is not allowed in cluster mode"):
		return fmt.Errorf("REDIS_URL names a database other than 0, but this Redis is a cluster and has database 0 only: %w", err)
	case strings.Contains(err.Error(), "DB index is out of range"):
		return fmt.Errorf("REDIS_URL names a database that this Redis does not have: %w", err)
	}
	return nil
}
