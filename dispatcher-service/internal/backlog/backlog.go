// Package backlog exports metrics of the waiting work: tasks by state, shares, lanes in backlog, waiting deliveries, the age of the delivery
// that has been due for longest, and failing or disabled endpoints. A scrape reads Redis and the database with a few cheap queries, at most
// once in 5 s and for at most 2 s. It ends even if both hang.
//
// All dispatchers export the same values, since they share one queue. Aggregate over dispatchers with the maximum, not the sum.
package backlog

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Queue counts tasks. queue.Enqueuer implements it.
type Queue interface {
	Depths(ctx context.Context, queue string) (queue.Depths, error)
	OldestPending(ctx context.Context, queue string) (time.Duration, error)
}

// Lanes reads the lanes in backlog and the shares of the queue. queue.Lanes implements it.
type Lanes interface {
	List(ctx context.Context) (map[webhook.Lane]queue.LaneState, error)
	Shares(ctx context.Context) (queue.Shares, error)
}

// Store lists due deliveries, the longest due first, and counts what waits. store.Store implements it.
type Store interface {
	laneReader
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
	CountWaiting(ctx context.Context, now time.Time, limit int) (store.Waiting, error)
	CountUnhealthy(ctx context.Context) (store.Unhealthy, error)
}

// laneReader lists lanes and the deliveries in them.
type laneReader interface {
	ListLanes(ctx context.Context, after webhook.Lane, limit int) ([]webhook.Lane, error)
	ReadLanes(ctx context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error)
}

const (
	// fresh is how long values are reused.
	fresh = 5 * time.Second
	// timeout bounds a scrape. The default scrape timeout of Prometheus is 10 s.
	timeout = 2 * time.Second
	// countLimit bounds the count of deliveries that wait: the first ones that are due, and as many of the others.
	countLimit = 10_000
	// lanesLimit is how many lanes are looked at for the oldest delivery while deliveries of bulk jobs have been due for longer.
	lanesLimit = 1000
)

// Backlog is a Prometheus collector. If Redis or the database fails, its metrics are left out of the scrape, since stale values would look
// valid. It is safe for concurrent use.
type Backlog struct {
	queue           Queue
	lanes           Lanes
	store           Store
	descriptions    descriptions
	failures        *prometheus.CounterVec
	ofQueue, ofData prometheus.Counter

	mutex sync.Mutex
	known []prometheus.Metric
	until time.Time // when known must be read again
}

// New returns a Backlog and registers it.
func New(q Queue, l Lanes, s Store, registry prometheus.Registerer) *Backlog {
	b := &Backlog{
		queue: q, lanes: l, store: s, descriptions: describe(),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_backlog_failures_total", Help: "Failed reads of the backlog, by source.",
		}, []string{"source"}),
	}
	b.ofQueue, b.ofData = b.failures.WithLabelValues("redis"), b.failures.WithLabelValues("database")
	registry.MustRegister(b)
	return b
}

// Describe implements prometheus.Collector.
func (b *Backlog) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range b.descriptions.all() {
		descriptions <- d
	}
	b.failures.Describe(descriptions)
}

// Collect implements prometheus.Collector.
func (b *Backlog) Collect(metrics chan<- prometheus.Metric) {
	for _, metric := range b.current() {
		metrics <- metric
	}
	b.failures.Collect(metrics)
}

// current returns the metrics, and reads them first if the last values are too old. Concurrent scrapes share one read.
func (b *Backlog) current() []prometheus.Metric {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if time.Now().Before(b.until) {
		return b.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	reads := []func(context.Context) []prometheus.Metric{b.countTasks, b.countLanes, b.findOldest, b.countWaiting, b.countUnhealthy}
	results := make([][]prometheus.Metric, len(reads))
	var group sync.WaitGroup
	for i, read := range reads {
		group.Go(func() { results[i] = read(ctx) })
	}
	group.Wait()
	b.known, b.until = slices.Concat(results...), time.Now().Add(fresh)
	return b.known
}
