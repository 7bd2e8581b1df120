package observe

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ReplicaReads counts the reads that may use the replica of the database, by the server that answered.
type ReplicaReads struct{ Replica, Primary, Repeated func() uint64 }

// longestStaleness bounds the metric. A replica that was never reached is centuries old.
const longestStaleness = 24 * time.Hour

// Replica registers metrics of the replica of the database.
func Replica(registry prometheus.Registerer, staleness func() time.Duration, reads ReplicaReads) {
	gauge(registry, "redrive_database_replica_staleness_seconds", "Largest possible age of what the replica of the database shows, in seconds.", nil,
		func() float64 { return math.Min(staleness().Seconds(), longestStaleness.Seconds()) })
	const name, help = "redrive_database_replica_reads_total", "Lists, searches and statistics that may use the replica, by the server that answered."
	for by, count := range map[string]func() uint64{"replica": reads.Replica, "primary": reads.Primary, "primary_after_replica": reads.Repeated} {
		counter(registry, name, help, prometheus.Labels{"by": by}, func() float64 { return float64(count()) })
	}
}
