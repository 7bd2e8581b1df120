package reconcile

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

const (
	// turnPoll is how often one replica looks whether another is done with the rebuild, or has died of it.
	turnPoll = 500 * time.Millisecond
	// holdInterval is how often the one that is at it says so: several times in queue.rebuildTurn.
	holdInterval = time.Second
	// abandonTimeout bounds the note that a rebuild has ended early: without it the turn passes by itself.
	abandonTimeout = 2 * time.Second
)

// rebuild enqueues everything that waits, for the time at which it is due. One that is cut short, or that Redis was emptied under,
// is begun again by the next pass: enqueueing twice does nothing.
func (r *Reconciler) rebuild(ctx context.Context) error {
	token, err := r.turn(ctx)
	if err != nil || token == "" {
		return err
	}
	r.options.Log.InfoContext(ctx, "the queue is new or was emptied: filling it with everything that waits")
	began := time.Now()
	total, err := r.fill(ctx, token)
	if err == nil {
		err = r.queue.MarkIntact(ctx, token)
	}
	if err != nil {
		r.abandon(ctx, token)
		return err
	}
	r.metrics.rebuilds.Inc()
	r.options.Log.InfoContext(ctx, "the queue holds everything that waits", "deliveries", total, "seconds", time.Since(began).Seconds())
	return nil
}

func (r *Reconciler) fill(ctx context.Context, token string) (total int, err error) {
	ctx, release := r.hold(ctx, token)
	defer release()
	_, err = r.walk(ctx, webhook.Now().Add(anyTime), store.Due{}, math.MaxInt, func(ctx context.Context, due []store.Due) error {
		total += len(due)
		return r.enqueue(ctx, itemsOf(due), r.queue.Enqueue)
	})
	if ctx.Err() != nil { // also in the middle of the last batch
		err = context.Cause(ctx)
	}
	return total, err
}

// hold says that this process is at the rebuild, beside what it does, for a database can take longer over one list than a turn
// lasts. The context ends when it is no longer worth while. A Redis that is away may be back in time, with all it had.
func (r *Reconciler) hold(ctx context.Context, token string) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(holdInterval)
		defer ticker.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			err := r.queue.RenewRebuild(held, token)
			if errors.Is(err, queue.ErrRedisEmptied) || errors.Is(err, queue.ErrRebuildTaken) {
				cancel(err)
			}
		}
	})
	return held, func() {
		cancel(nil)
		group.Wait()
	}
}

// abandon lets the next one begin, here or in another replica. It is done at the end of a stop too.
func (r *Reconciler) abandon(ctx context.Context, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	_ = r.queue.AbandonRebuild(ctx, token) // nothing to abandon, or Redis is away
}

// turn waits until the queue is this process's to rebuild, or another has done so: then the token is empty.
func (r *Reconciler) turn(ctx context.Context) (token string, err error) {
	for {
		if token, err = r.queue.BeginRebuild(ctx); err != nil || token != "" {
			return token, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(turnPoll):
		}
		if intact, err := r.queue.Intact(ctx); err != nil || intact {
			return "", err
		}
	}
}
