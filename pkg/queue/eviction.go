package queue

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// WarnOnEviction logs an error if Redis is configured to evict keys when its memory is full, since it would evict tasks. It logs nothing
// if the setting cannot be read: managed Redis services may forbid CONFIG GET.
func WarnOnEviction(ctx context.Context, client redis.UniversalClient, log *slog.Logger) {
	const setting = "maxmemory-policy"
	settings, err := client.ConfigGet(ctx, setting).Result()
	if err != nil {
		return
	}
	if policy := settings[setting]; policy != "" && policy != "noeviction" {
		log.ErrorContext(ctx, "redis evicts tasks when its memory is full: set maxmemory-policy to noeviction", "policy", policy)
	}
}
