package observe

import (
	"database/sql"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Pools registers metrics of the connection pools for the database and for Redis. The values are read during a scrape.
func Pools(registry prometheus.Registerer, database func() sql.DBStats, client redis.UniversalClient) {
	databasePool{database}.register(registry)
	redisPool{client}.register(registry)
}

type databasePool struct{ stats func() sql.DBStats }

func (p databasePool) register(registry prometheus.Registerer) {
	const name, help = "redrive_database_connections", "Open connections to the database, by state."
	gauge(registry, name, help, inState("in_use"), func() float64 { return float64(p.stats().InUse) })
	gauge(registry, name, help, inState("idle"), func() float64 { return float64(p.stats().Idle) })
	gauge(registry, "redrive_database_connections_max", "Maximum number of connections to the database.", nil,
		func() float64 { return float64(p.stats().MaxOpenConnections) })
	counter(registry, "redrive_database_connection_waits_total", "Statements that waited for a connection to the database.", nil,
		func() float64 { return float64(p.stats().WaitCount) })
	counter(registry, "redrive_database_connection_wait_seconds_total", "Time that statements waited for a connection to the database, in seconds.", nil,
		func() float64 { return p.stats().WaitDuration.Seconds() })
}

type redisPool struct{ client redis.UniversalClient }

func (p redisPool) register(registry prometheus.Registerer) {
	const name, help = "redrive_redis_connections", "Open connections to Redis, by state."
	gauge(registry, name, help, inState("in_use"), func() float64 {
		stats := p.client.PoolStats()
		return max(0, float64(stats.TotalConns)-float64(stats.IdleConns)) // the two values are not read atomically
	})
	gauge(registry, name, help, inState("idle"), func() float64 { return float64(p.client.PoolStats().IdleConns) })
	counter(registry, "redrive_redis_connection_waits_total", "Commands that waited for a connection to Redis.", nil,
		func() float64 { return float64(p.client.PoolStats().WaitCount) })
	counter(registry, "redrive_redis_connection_timeouts_total", "Commands that failed because no connection to Redis became free in time.", nil,
		func() float64 { return float64(p.client.PoolStats().Timeouts) })
}

func inState(state string) prometheus.Labels { return prometheus.Labels{"state": state} }

func gauge(registry prometheus.Registerer, name, help string, labels prometheus.Labels, value func() float64) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func counter(registry prometheus.Registerer, name, help string, labels prometheus.Labels, value func() float64) {
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}
