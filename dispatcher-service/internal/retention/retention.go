// Package retention deletes old rows: deliveries that ended longer ago than the retention time, with their attempts, and then old events
// and deleted endpoints without deliveries. It also deletes expired idempotency keys, changes of endpoints that are old or too many, and bulk
// jobs and console sessions that ended long ago. It adds statistics of old hours to their days. Every replica runs it, and replicas that
// purge at the same time share the work.
//
// In a database whose tables are divided by month, it makes the partitions of coming months and drops whole months. What outlives its month is
// deleted in batches.
//
// It deletes in small batches and pauses after each for as long as the batch took, so that it uses at most half of one connection's time.
package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store deletes one batch of rows per call. store.Store implements it.
type Store interface {
	History
	Records
	Partitions
}

// History is what is kept for the retention time.
type History interface {
	PurgeDeliveries(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)
	PurgeEvents(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)
	PurgeEndpoints(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)
}

// Records are what the contract keeps for a time of its own.
type Records interface {
	PurgeIdempotencyKeys(ctx context.Context, before time.Time, limit int) (int64, error)
	PurgeEndpointChanges(ctx context.Context, before time.Time, most, limit int) (int64, error)
	PurgeStatistics(ctx context.Context, now time.Time, limit int) (int64, error)
	PurgeBulkJobs(ctx context.Context, before time.Time, limit int) (int64, error)
	PurgeConsoleSessions(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Options of a Purger.
type Options struct {
	// Keep is how long a delivery is kept after its end, and an event after its publication. 0 keeps them for ever.
	Keep time.Duration
	// Interval between runs. Defaults to 1 h.
	Interval time.Duration
	Log      *slog.Logger
}

const (
	defaultInterval = time.Hour
	// batch is how many rows one call deletes, which takes the database a few milliseconds.
	batch        = 500
	batchTimeout = 30 * time.Second
)

// Purger purges at intervals between Start and Stop.
type Purger struct {
	store      Store
	options    Options
	purged     *prometheus.CounterVec
	partitions partitionMetrics
	divided    bool // the tables, as of this run
	background lifecycle.Background
}

// New returns a Purger and registers its metrics.
func New(store Store, options Options, registry prometheus.Registerer) *Purger {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	p := &Purger{store: store, options: options, purged: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_purged_total", Help: "Rows deleted after their retention time, by kind.",
	}, []string{"kind"})}
	registry.MustRegister(p.purged)
	p.partitions = newPartitionMetrics(registry)
	for _, kind := range []string{"delivery", "attempt", "event", "endpoint", kindKey, kindChange, kindStatistics, kindJob, kindSession} {
		p.purged.WithLabelValues(kind) // so that the first increase has a rate too
	}
	return p
}

// Start runs a purge at each interval until Stop is called. The first one comes after a random part of the interval, so that replicas that
// are started together do not purge together.
func (p *Purger) Start() {
	p.background.Start(func(ctx context.Context) {
		for wait := rand.N(p.options.Interval); ; wait = p.options.Interval {
			if lifecycle.Sleep(ctx, wait) != nil {
				return
			}
			if err := p.Run(ctx); err != nil && ctx.Err() == nil {
				p.options.Log.WarnContext(ctx, "purge failed, retrying at the next interval", "error", err)
			}
		}
	})
}

// Stop cancels the purge in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (p *Purger) Stop(ctx context.Context) error {
	if err := p.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the purge in progress: %w", err)
	}
	return nil
}

// Run makes partitions of coming months and deletes everything that is old enough now. These are expired idempotency keys, changes of endpoints that are old or too many, old
// statistics, bulk jobs and console sessions that ended long ago, and, unless Keep is 0, all rows that are older than Keep.
func (p *Purger) Run(ctx context.Context) error {
	err := errors.Join(p.makePartitions(ctx), p.purgeKeys(ctx), p.purgeChanges(ctx), p.purgeStatistics(ctx), p.purgeJobs(ctx), p.purgeSessions(ctx))
	if p.options.Keep > 0 {
		err = errors.Join(err, p.purgeHistory(ctx))
	}
	return err
}

// purgeHistory deletes deliveries, attempts and events.
func (p *Purger) purgeHistory(ctx context.Context) error {
	before, err := p.dropMonths(ctx, webhook.Now().Add(-p.options.Keep))
	return errors.Join(err, p.purgeBefore(ctx, before)) // the purge in batches has to go on without the drop
}

// purgeBefore deletes what is older than a time, in batches.
func (p *Purger) purgeBefore(ctx context.Context, before time.Time) error {
	deliveries, err := p.all(ctx, before, p.store.PurgeDeliveries)
	if err != nil {
		return err
	}
	endpoints, err := p.all(ctx, before, p.store.PurgeEndpoints)
	if err != nil {
		return err
	}
	events, err := p.all(ctx, before, p.store.PurgeEvents)
	if removed := deliveries.Deliveries + events.Events + endpoints.Endpoints; removed > 0 {
		p.options.Log.InfoContext(ctx, "purged old rows", "deliveries", deliveries.Deliveries,
			"attempts", deliveries.Attempts, "events", events.Events, "endpoints", endpoints.Endpoints, "before", before)
	}
	return err
}

type purge func(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)

// all calls purge until no old row is left.
func (p *Purger) all(ctx context.Context, before time.Time, purge purge) (total store.Purged, err error) {
	for {
		began := time.Now()
		purged, err := p.one(ctx, before, total.After, purge)
		if err != nil {
			return total, err
		}
		total.Deliveries += purged.Deliveries
		total.Attempts += purged.Attempts
		total.Events += purged.Events
		total.Endpoints += purged.Endpoints
		if total.After = purged.After; total.After == "" {
			return total, nil
		}
		if err := lifecycle.Sleep(ctx, time.Since(began)); err != nil {
			return total, err
		}
	}
}

// one calls purge for one batch and counts the deleted rows.
func (p *Purger) one(ctx context.Context, before time.Time, after string, purge purge) (store.Purged, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	purged, err := purge(ctx, before, after, batch)
	p.purged.WithLabelValues("delivery").Add(float64(purged.Deliveries))
	p.purged.WithLabelValues("attempt").Add(float64(purged.Attempts))
	p.purged.WithLabelValues("event").Add(float64(purged.Events))
	p.purged.WithLabelValues("endpoint").Add(float64(purged.Endpoints))
	return purged, err
}
