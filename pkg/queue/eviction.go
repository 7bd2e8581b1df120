package queue

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// WarnOnEviction logs an error if Redis is set to throw keys away when it is full: it would throw tasks away. A Redis that
// does not tell, as managed ones may not, is taken at its operator's word.
func WarnOnEviction(ctx context.Context, client redis.UniversalClient, log *slog.Logger) {
	const setting = "maxmemory-policy"
	settings, err := client.ConfigGet(ctx, setting).Result()
	if err != nil {
		return
	}
	if policy := settings[setting]; policy != "" && policy != "noeviction" {
		log.ErrorContext(ctx, "Redis throws tasks away when it is full: set maxmemory-policy to noeviction", "policy", policy)
	}
}
