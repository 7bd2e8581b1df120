package observe

import (
	"database/sql"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Pools registers the connections of a process to its database and to Redis. They are read when they are asked for, and cost
// nothing in between.
func Pools(registry prometheus.Registerer, database func() sql.DBStats, client redis.UniversalClient) {
	databasePool{database}.register(registry)
	redisPool{client}.register(registry)
}

type databasePool struct{ stats func() sql.DBStats }

func (p databasePool) register(registry prometheus.Registerer) {
	const name, help = "redrive_database_connections", "Connections to the database, by whether they are in use."
	gauge(registry, name, help, inState("in_use"), func() float64 { return float64(p.stats().InUse) })
	gauge(registry, name, help, inState("idle"), func() float64 { return float64(p.stats().Idle) })
	gauge(registry, "redrive_database_connections_max", "Connections to the database that the process opens at most.", nil,
		func() float64 { return float64(p.stats().MaxOpenConnections) })
	counter(registry, "redrive_database_connection_waits_total", "Statements that had to wait for a connection to the database.",
		func() float64 { return float64(p.stats().WaitCount) })
	counter(registry, "redrive_database_connection_wait_seconds_total", "Time that statements waited for a connection to the database.",
		func() float64 { return p.stats().WaitDuration.Seconds() })
}

type redisPool struct{ client redis.UniversalClient }

func (p redisPool) register(registry prometheus.Registerer) {
	const name, help = "redrive_redis_connections", "Connections to Redis, by whether they are in use."
	gauge(registry, name, help, inState("in_use"), func() float64 {
		stats := p.client.PoolStats()
		return max(0, float64(stats.TotalConns)-float64(stats.IdleConns)) // they are read one after the other
	})
	gauge(registry, name, help, inState("idle"), func() float64 { return float64(p.client.PoolStats().IdleConns) })
	counter(registry, "redrive_redis_connection_waits_total", "Commands that had to wait for a connection to Redis.",
		func() float64 { return float64(p.client.PoolStats().WaitCount) })
	counter(registry, "redrive_redis_connection_timeouts_total", "Commands that were given up because no connection to Redis became free.",
		func() float64 { return float64(p.client.PoolStats().Timeouts) })
}

func inState(state string) prometheus.Labels { return prometheus.Labels{"state": state} }

func gauge(registry prometheus.Registerer, name, help string, labels prometheus.Labels, value func() float64) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func counter(registry prometheus.Registerer, name, help string, value func() float64) {
	registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}
