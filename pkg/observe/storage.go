package observe

import "github.com/prometheus/client_golang/prometheus"

// Storage registers what a process knows of the database's disk and of the keys of what is sealed in it.
func Storage(registry prometheus.Registerer, full func() bool, missingKeys func() int64) {
	gauge(registry, "redrive_database_full", "1 while the database's disk has no space left, as far as this process has tried.", nil, func() float64 {
		if full() {
			return 1
		}
		return 0
	})
	gauge(registry, "redrive_secrets_keys_missing", "Keys that seal signing secrets in the database and are not in SECRETS_KEY, when last looked.", nil,
		func() float64 { return float64(missingKeys()) })
}
