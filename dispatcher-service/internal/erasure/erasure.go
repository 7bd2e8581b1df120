// Package erasure deletes the rows of deleted organizations whose delay has passed. Every replica runs it. A batch locks the row of its
// organization, so that replicas work on different organizations, and none does the work of another.
//
//	delay passed → first pass → 20 s → last pass → the organization's row is deleted, and its id can be used again
//
// It deletes in small batches and pauses after each for as long as the batch took, so that it uses at most half of one connection's time. A
// batch counts its rows in its own transaction. A process that is killed therefore loses nothing and repeats nothing.
package erasure

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store deletes one batch of rows per call. store.Store implements it.
type Store interface {
	EraseBatch(ctx context.Context, now time.Time, limit int) (store.Erased, error)
}

// Options of an Eraser.
type Options struct {
	// Interval between looks for an organization to erase. Defaults to 5 s.
	Interval time.Duration
	Log      *slog.Logger
}

const (
	defaultInterval = 5 * time.Second
	// batch is how many rows one call deletes at most, which takes the database a few milliseconds.
	batch        = 500
	batchTimeout = 30 * time.Second
)

// Eraser erases organizations between Start and Stop.
type Eraser struct {
	store      Store
	options    Options
	rows       prometheus.Counter
	background lifecycle.Background
}

// New returns an Eraser and registers its metric.
func New(store Store, options Options, registry prometheus.Registerer) *Eraser {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	e := &Eraser{store: store, options: options, rows: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "redrive_erased_rows_total", Help: "Rows deleted because their organization was deleted.",
	})}
	registry.MustRegister(e.rows)
	return e
}

// Start looks for organizations to erase at each interval until Stop is called.
func (e *Eraser) Start() {
	e.background.Start(func(ctx context.Context) {
		for lifecycle.Sleep(ctx, e.options.Interval) == nil {
			if err := e.Run(ctx); err != nil && ctx.Err() == nil {
				e.options.Log.WarnContext(ctx, "erasure failed, retrying at the next interval", "error", err)
			}
		}
	})
}

// Stop cancels the batch in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (e *Eraser) Stop(ctx context.Context) error {
	if err := e.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the erasure in progress: %w", err)
	}
	return nil
}

// Run erases until no organization has to be erased now. If it returns an error, the next call continues.
func (e *Eraser) Run(ctx context.Context) error {
	for {
		began := time.Now()
		erased, err := e.one(ctx)
		if err != nil || erased.OrganizationID == "" {
			return err
		}
		if err := lifecycle.Sleep(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

// one erases one batch, and counts and logs it.
func (e *Eraser) one(ctx context.Context) (store.Erased, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	erased, err := e.store.EraseBatch(ctx, webhook.Now(), batch)
	if err != nil {
		return erased, err
	}
	e.rows.Add(float64(erased.Rows))
	switch {
	case erased.Passed:
		e.options.Log.InfoContext(ctx, "first pass of an erasure ended", "organizationId", erased.OrganizationID)
	case erased.Done:
		e.options.Log.InfoContext(ctx, "audit", "actor", "system", "action", "organization.erased", "subject", erased.OrganizationID)
	}
	return erased, nil
}
