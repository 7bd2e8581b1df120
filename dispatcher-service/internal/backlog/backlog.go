// Package backlog exports metrics of the waiting work: the number of tasks in each state, and the age of the delivery that has been due
// for longest. A scrape reads Redis and the database with one cheap query each, at most once in 5 s and for at most 2 s. It ends even if
// both hang.
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

// Store lists due deliveries, the longest due first. store.Store implements it.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
}

const (
	// fresh is how long values are reused.
	fresh = 5 * time.Second
	// timeout bounds a scrape. The default scrape timeout of Prometheus is 10 s.
	timeout = 2 * time.Second
)

// Backlog is a Prometheus collector. If Redis or the database fails, its metrics are left out of the scrape, since stale values would look
// valid. It is safe for concurrent use.
type Backlog struct {
	queue           Queue
	store           Store
	tasks, oldest   *prometheus.Desc
	pending         *prometheus.Desc
	failures        *prometheus.CounterVec
	ofQueue, ofData prometheus.Counter

	mutex sync.Mutex
	known []prometheus.Metric
	until time.Time // when known must be read again
}

// New returns a Backlog and registers it.
func New(q Queue, s Store, registry prometheus.Registerer) *Backlog {
	b := &Backlog{
		queue: q, store: s,
		tasks:  prometheus.NewDesc("redrive_queue_tasks", "Tasks in the queue, by state. The same for every dispatcher.", []string{"state"}, nil),
		oldest: prometheus.NewDesc("redrive_oldest_due_seconds", "Time since the oldest due delivery became due, in seconds; 0 if none is due. The same for every dispatcher.", nil, nil),
		pending: prometheus.NewDesc("redrive_queue_oldest_pending_seconds",
			"Time that the next task to dequeue has been pending, in seconds; 0 if none is. The same for every dispatcher.", nil, nil),
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
	descriptions <- b.tasks
	descriptions <- b.oldest
	descriptions <- b.pending
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
	var tasks, oldest []prometheus.Metric
	var group sync.WaitGroup
	group.Go(func() { tasks = b.countTasks(ctx) })
	group.Go(func() { oldest = b.findOldest(ctx) })
	group.Wait()
	b.known, b.until = slices.Concat(tasks, oldest), time.Now().Add(fresh)
	return b.known
}

func (b *Backlog) countTasks(ctx context.Context) []prometheus.Metric {
	depths, err := b.queue.Depths(ctx, webhook.QueueDeliveries)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	waited, err := b.queue.OldestPending(ctx, webhook.QueueDeliveries)
	if err != nil {
		b.ofQueue.Inc()
		return nil
	}
	metric := func(state string, count int64) prometheus.Metric {
		return prometheus.MustNewConstMetric(b.tasks, prometheus.GaugeValue, float64(count), state)
	}
	return []prometheus.Metric{
		metric("pending", depths.Pending), metric("active", depths.Active), metric("scheduled", depths.Scheduled),
		metric("retry", depths.Retry), metric("archived", depths.Archived),
		prometheus.MustNewConstMetric(b.pending, prometheus.GaugeValue, waited.Seconds()),
	}
}

func (b *Backlog) findOldest(ctx context.Context) []prometheus.Metric {
	now := webhook.Now()
	due, err := b.store.ListDue(ctx, now, store.Due{}, 1)
	if err != nil {
		b.ofData.Inc()
		return nil
	}
	var age time.Duration
	if len(due) > 0 {
		age = now.Sub(due[0].NextRetryAt)
	}
	return []prometheus.Metric{prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, max(0, age.Seconds()))}
}
