package queue

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Check returns an error if Redis answers that it can never serve REDIS_URL's database number. Any other trouble may pass, and is
// no error: a service starts without Redis.
func Check(ctx context.Context, client redis.UniversalClient) error {
	err := client.Ping(ctx).Err()
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "SELECT is not allowed in cluster mode"):
		return fmt.Errorf("REDIS_URL names a database other than 0, and this Redis is a cluster, which has no other: %w", err)
	case strings.Contains(err.Error(), "DB index is out of range"):
		return fmt.Errorf("REDIS_URL names a database that this Redis does not have: %w", err)
	}
	return nil
}
