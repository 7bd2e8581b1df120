// Package backlog tells, when metrics are asked for, what waits: how many tasks the queue has in each state, and how long the
// delivery has been due that waits for longest. Redis is asked the one and the database the other, each with one cheap question,
// at most once in a few seconds however often it is asked here, and for a moment only: a scrape ends although both hang.
//
// Every dispatcher tells the same, for the queue is one: take the maximum over them, not the sum.
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

// Queue counts tasks: queue.Enqueuer.
type Queue interface {
	Depths(ctx context.Context, queue string) (queue.Depths, error)
	OldestPending(ctx context.Context, queue string) (time.Duration, error)
}

// Store lists what is due, the longest due first: store.Store.
type Store interface {
	ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error)
}

const (
	// fresh is how old an answer may be.
	fresh = 5 * time.Second
	// timeout is what a scrape waits at most. Prometheus gives up after 10 s by default.
	timeout = 2 * time.Second
)

// Backlog is a collector of metrics. What cannot be found out is left out, for an old number would look like a good one.
type Backlog struct {
	queue           Queue
	store           Store
	tasks, oldest   *prometheus.Desc
	pending         *prometheus.Desc
	failures        *prometheus.CounterVec
	ofQueue, ofData prometheus.Counter

	mutex sync.Mutex
	known []prometheus.Metric
	until time.Time
}

// New makes a Backlog and registers it.
func New(q Queue, s Store, registry prometheus.Registerer) *Backlog {
	b := &Backlog{
		queue: q, store: s,
		tasks:  prometheus.NewDesc("redrive_queue_tasks", "Tasks in the queue, by state. Every dispatcher tells the same.", []string{"state"}, nil),
		oldest: prometheus.NewDesc("redrive_oldest_due_seconds", "How long the delivery has been due that has been due for longest; 0 if none is. Every dispatcher tells the same.", nil, nil),
		pending: prometheus.NewDesc("redrive_queue_oldest_pending_seconds",
			"Time that the next task to be taken from the queue has been pending; 0 if none is. Every dispatcher tells the same.", nil, nil),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_backlog_failures_total", Help: "Times that it could not be found out what waits, by who did not answer.",
		}, []string{"source"}),
	}
	b.ofQueue, b.ofData = b.failures.WithLabelValues("redis"), b.failures.WithLabelValues("database")
	registry.MustRegister(b)
	return b
}

// Describe is for prometheus.Collector.
func (b *Backlog) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- b.tasks
	descriptions <- b.oldest
	descriptions <- b.pending
	b.failures.Describe(descriptions)
}

// Collect is for prometheus.Collector.
func (b *Backlog) Collect(metrics chan<- prometheus.Metric) {
	for _, metric := range b.current() {
		metrics <- metric
	}
	b.failures.Collect(metrics)
}

// current asks if the last answer is too old. Of scrapes at the same time one asks and the others wait for it.
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
