// Package rollup adds what the transactions have counted to the statistics by hour. Every replica runs it, and one of them works at a time.
//
//	every second ─▶ merge all deltas, in batches ─▶ rest as long as it took, times restShare
//
// A batch deletes its deltas and adds them to the hours in one transaction. A process that is killed therefore loses nothing and counts
// nothing twice. The API adds the deltas that are not merged yet to what it reads.
package rollup

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
)

// Store merges a batch of deltas. store.Store implements it.
type Store interface {
	MergeStatistics(ctx context.Context, after store.DeltaPosition, limit int) (store.MergedStatistics, error)
}

const (
	interval = time.Second
	// batch is how many deltas one transaction merges. It is large, because deltas of one hour are then added together.
	batch        = 5000
	batchTimeout = 30 * time.Second
	// restShare bounds the work to a tenth of one connection's time. If the deltas pile up meanwhile, more of them are added together.
	restShare = 9
)

// Merger merges between Start and Stop.
type Merger struct {
	store      Store
	log        *slog.Logger
	merged     prometheus.Counter
	failures   lifecycle.Streak
	background lifecycle.Background
}

// New makes a Merger and registers its metric.
func New(s Store, log *slog.Logger, registry prometheus.Registerer) *Merger {
	m := &Merger{store: s, log: log, merged: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "redrive_statistics_merged_total", Help: "Counts of transactions that were added to the statistics.",
	})}
	registry.MustRegister(m.merged)
	return m
}

// Start merges until Stop is called.
func (m *Merger) Start() {
	m.background.Start(func(ctx context.Context) {
		for ctx.Err() == nil {
			began := time.Now()
			m.failures.Report(ctx, m.log, m.Run(ctx), "statistics not merged, retrying", "statistics are merged again")
			_ = lifecycle.Sleep(ctx, max(interval, restShare*time.Since(began))) // the loop ends with ctx
		}
	})
}

// Stop cancels the batch in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (m *Merger) Stop(ctx context.Context) error {
	if err := m.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the statistics: %w", err)
	}
	return nil
}

// Run merges the deltas that exist now. If it returns an error, the next call continues.
func (m *Merger) Run(ctx context.Context) error {
	var after store.DeltaPosition
	for {
		merged, err := m.one(ctx, after)
		if err != nil || !merged.More {
			return err
		}
		after = merged.After
	}
}

func (m *Merger) one(ctx context.Context, after store.DeltaPosition) (store.MergedStatistics, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	merged, err := m.store.MergeStatistics(ctx, after, batch)
	if err == nil {
		m.merged.Add(float64(merged.Deltas))
	}
	return merged, err
}
