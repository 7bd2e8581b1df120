// Package deletion ends the waiting deliveries of deleted endpoints, in small batches and with pauses, so that a large backlog does not
// delay live deliveries. Every replica runs it, and replicas that run at the same time skip each other's rows.
//
//	every 2 s      endpoints that were deleted within the last 10 minutes
//	every 10 min   all deleted endpoints: the dispatchers may have been stopped when one was deleted
//
// A delivery that is committed after that, by a process that had the endpoint in its cache, has a task: deliver ends it when it is due.
package deletion

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// Store ends a batch of deliveries. store.Store implements it.
type Store interface {
	EndDeleted(ctx context.Context, since, now time.Time, limit int) (int64, error)
}

// Options of an Ender.
type Options struct {
	// Store is the database. Required.
	Store Store
	// Ended is called with the number of deliveries that a batch has ended. Required.
	Ended func(count int64)
	// Log defaults to slog.Default.
	Log *slog.Logger
}

const (
	interval     = 2 * time.Second
	fullInterval = 10 * time.Minute
	// recent is how long after a deletion its endpoint is looked at in every run. It is longer than an attempt in flight and a publish from
	// a cache may take.
	recent = 10 * time.Minute
	// batch is how many deliveries one statement ends, which takes PostgreSQL some 10 ms.
	batch        = 200
	batchTimeout = 10 * time.Second
	// restShare is how many times as long as the last batch the pause after it is: usually the work takes a quarter of one connection's time.
	restShare = 3
	// longestRest bounds the pause. On a machine so busy that a batch takes 85 ms, 30,000 deliveries would need 50 s without it, and all
	// have to end within 60 s.
	longestRest = 100 * time.Millisecond
)

// Ender ends deliveries between Start and Stop.
type Ender struct {
	options    Options
	fullAt     time.Time // when all deleted endpoints are looked at again
	failures   lifecycle.Streak
	background lifecycle.Background
}

// New makes an Ender.
func New(options Options) *Ender {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	return &Ender{options: options}
}

// Start runs until Stop is called.
func (e *Ender) Start() {
	e.background.Start(func(ctx context.Context) {
		for ctx.Err() == nil {
			e.failures.Report(ctx, e.options.Log, e.Run(ctx), "deliveries of deleted endpoints not ended, retrying", "deliveries of deleted endpoints are ended again")
			_ = lifecycle.Sleep(ctx, interval) // the loop ends with ctx
		}
	})
}

// Stop cancels the batch in progress and waits for its end until ctx ends. It may be called before Start, and more than once.
func (e *Ender) Stop(ctx context.Context) error {
	if err := e.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the deliveries of deleted endpoints: %w", err)
	}
	return nil
}

// Run ends the deliveries that wait now. If it returns an error, the next call continues.
func (e *Ender) Run(ctx context.Context) error {
	now := webhook.Now()
	since, full := now.Add(-recent), !time.Now().Before(e.fullAt)
	if full {
		since = time.Time{}
	}
	total := int64(0)
	for {
		began := time.Now()
		ended, err := e.one(ctx, since)
		total += ended
		if err != nil {
			return err
		}
		if ended == 0 {
			break
		}
		if err := lifecycle.Sleep(ctx, min(restShare*time.Since(began), longestRest)); err != nil {
			return err
		}
	}
	if full {
		e.fullAt = time.Now().Add(fullInterval)
	}
	if total > 0 {
		e.options.Log.InfoContext(ctx, "deliveries of deleted endpoints ended", "deliveries", total)
	}
	return nil
}

func (e *Ender) one(ctx context.Context, since time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	ended, err := e.options.Store.EndDeleted(ctx, since, webhook.Now(), batch)
	e.options.Ended(ended)
	return ended, err
}
