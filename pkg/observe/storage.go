package observe

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// keyCountTimeout bounds how long the number of missing keys may delay the metrics.
const keyCountTimeout = time.Second

// Storage registers metrics of the database's disk space and of the keys that seal signing secrets in the database.
func Storage(registry prometheus.Registerer, full func() bool, missingKeys func(context.Context) int64) {
	gauge(registry, "redrive_database_full", "1 while the database's disk is full, else 0, as of this process's last write.", nil, func() float64 {
		if full() {
			return 1
		}
		return 0
	})
	gauge(registry, "redrive_secrets_keys_missing", "Keys that seal signing secrets in the database and are missing from SECRETS_KEY, as of the last check.", nil,
		func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), keyCountTimeout)
			defer cancel()
			return float64(missingKeys(ctx))
		})
}
