// Package retention removes what has been kept for long enough: deliveries that have ended, with their attempts, and then events
// that have no delivery left. It runs in every replica; two at it share the work.
//
// It takes small batches and rests after each for as long as the batch took, so that those who work are not slowed by those who
// tidy up.
package retention

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store removes one batch at a time.
type Store interface {
	PurgeDeliveries(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)
	PurgeEvents(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)
}

// Options of a Purger.
type Options struct {
	// Keep is how long a delivery is kept after it has ended, and an event after it was published. 0 keeps them for ever.
	Keep time.Duration
	// Interval between runs. Defaults to 1 h.
	Interval time.Duration
	Log      *slog.Logger
}

const (
	defaultInterval = time.Hour
	// batch is a few milliseconds of a database's time.
	batch        = 500
	batchTimeout = 30 * time.Second
)

// Purger runs until it is stopped.
type Purger struct {
	store   Store
	options Options
	purged  *prometheus.CounterVec
	cancel  context.CancelFunc
	stopped chan struct{}
}

// New makes a Purger and registers its metrics.
func New(store Store, options Options, registry prometheus.Registerer) *Purger {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	p := &Purger{store: store, options: options, purged: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_purged_total", Help: "Rows removed because they had been kept for long enough.",
	}, []string{"kind"})}
	registry.MustRegister(p.purged)
	for _, kind := range []string{"delivery", "attempt", "event"} {
		p.purged.WithLabelValues(kind) // so that a rate can be taken from the beginning
	}
	return p
}

// Start begins to run, the first time after a random part of the interval: a fleet that is started together must not purge
// together. It does nothing if everything is to be kept.
func (p *Purger) Start() {
	if p.options.Keep == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.stopped = cancel, make(chan struct{})
	go func() {
		defer close(p.stopped)
		for wait := rand.N(p.options.Interval); ; wait = p.options.Interval {
			if sleep(ctx, wait) != nil {
				return
			}
			if err := p.Run(ctx); err != nil && ctx.Err() == nil {
				p.options.Log.WarnContext(ctx, "purging was cut short and goes on with the next run", "error", err)
			}
		}
	}()
}

// Stop ends the run under way. It may be called before Start, and again.
func (p *Purger) Stop(ctx context.Context) error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the batch under way: %w", ctx.Err())
	}
}

// Run removes everything that is old enough by now.
func (p *Purger) Run(ctx context.Context) error {
	before := webhook.Now().Add(-p.options.Keep)
	deliveries, err := p.all(ctx, before, p.store.PurgeDeliveries)
	if err != nil {
		return err
	}
	events, err := p.all(ctx, before, p.store.PurgeEvents)
	if removed := deliveries.Deliveries + events.Events; removed > 0 {
		p.options.Log.InfoContext(ctx, "purged what was kept for long enough", "deliveries", deliveries.Deliveries,
			"attempts", deliveries.Attempts, "events", events.Events, "before", before)
	}
	return err
}

type purge func(ctx context.Context, before time.Time, after string, limit int) (store.Purged, error)

// all takes batch after batch until there is nothing left.
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
		if total.After = purged.After; total.After == "" {
			return total, nil
		}
		if err := sleep(ctx, time.Since(began)); err != nil {
			return total, err
		}
	}
}

func (p *Purger) one(ctx context.Context, before time.Time, after string, purge purge) (store.Purged, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	purged, err := purge(ctx, before, after, batch)
	p.purged.WithLabelValues("delivery").Add(float64(purged.Deliveries))
	p.purged.WithLabelValues("attempt").Add(float64(purged.Attempts))
	p.purged.WithLabelValues("event").Add(float64(purged.Events))
	return purged, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
