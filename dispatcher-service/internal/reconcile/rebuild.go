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
	// leasePoll is how often a replica checks whether another has finished or abandoned the rebuild.
	leasePoll = 500 * time.Millisecond
	// renewInterval is how often the rebuilding replica renews its lease, which lasts 5 s.
	renewInterval = time.Second
	// abandonTimeout bounds the call that gives up the lease. If it fails, the lease expires by itself.
	abandonTimeout = 2 * time.Second
)

// rebuild enqueues every waiting delivery for the time at which it is due. If it ends early, or Redis is emptied meanwhile, the next pass
// begins it again. It returns nil without a rebuild if another replica has completed one.
func (r *Reconciler) rebuild(ctx context.Context) error {
	token, err := r.takeLease(ctx)
	if err != nil || token == "" {
		return err
	}
	r.options.Log.InfoContext(ctx, "redis is empty, rebuilding the queue")
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
	r.options.Log.InfoContext(ctx, "queue rebuilt", "deliveries", total, "seconds", time.Since(began).Seconds())
	return nil
}

// fill enqueues every waiting delivery and returns how many. It keeps the lease of the rebuild meanwhile.
func (r *Reconciler) fill(ctx context.Context, token string) (total int, err error) {
	ctx, release := r.keepLease(ctx, token)
	defer release()
	_, err = r.walk(ctx, webhook.Now().Add(anyTime), store.Due{}, math.MaxInt, func(ctx context.Context, due []store.Due) error {
		total += len(due)
		return r.enqueue(ctx, itemsOf(due), r.queue.Enqueue)
	})
	if ctx.Err() != nil { // the context may have ended during the last batch
		err = context.Cause(ctx)
	}
	return total, err
}

// keepLease renews the lease of the rebuild in the background until release is called. The returned context is canceled if the rebuild has
// become useless: Redis was emptied, or another replica has begun a rebuild. Other errors are ignored, since Redis may be available again
// before the lease expires. A separate goroutine is needed because one query can take longer than the lease.
func (r *Reconciler) keepLease(ctx context.Context, token string) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(renewInterval)
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

// abandon gives up the lease, so that this or another replica can begin again at once. It also works after ctx has ended.
func (r *Reconciler) abandon(ctx context.Context, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abandonTimeout)
	defer cancel()
	_ = r.queue.AbandonRebuild(ctx, token) // the lease is lost already, or expires by itself
}

// takeLease waits until this process holds the lease of the rebuild, and returns its token. The token is empty if another replica has
// completed the rebuild meanwhile.
func (r *Reconciler) takeLease(ctx context.Context) (token string, err error) {
	for {
		if token, err = r.queue.BeginRebuild(ctx); err != nil || token != "" {
			return token, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(leasePoll):
		}
		if intact, err := r.queue.Intact(ctx); err != nil || intact {
			return "", err
		}
	}
}
