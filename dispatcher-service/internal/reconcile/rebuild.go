package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"

	"redrive/pkg/queue"
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

// rebuild puts everything that waits into backlog. If it ends early, or Redis is emptied meanwhile, the next pass
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
	r.options.Log.InfoContext(ctx, "queue rebuilt", "lanes", total, "seconds", time.Since(began).Seconds())
	return nil
}

// fill puts every lane with waiting deliveries into backlog and returns how many. It keeps the lease of the rebuild meanwhile. Its cost
// depends on the number of lanes and not on the number of deliveries.
func (r *Reconciler) fill(ctx context.Context, token string) (total int, err error) {
	ctx, release := r.keepLease(ctx, token)
	defer release()
	total, err = r.openLanes(ctx)
	if ctx.Err() != nil { // the context may have ended during the last page
		err = context.Cause(ctx)
	}
	return total, err
}

func (r *Reconciler) openLanes(ctx context.Context) (total int, err error) {
	for after := (webhook.Lane{}); ; {
		lanes, err := r.listLanes(ctx, after)
		if err != nil {
			return total, err
		}
		if err := r.lanes.Open(ctx, lanes); err != nil {
			return total, err
		}
		total += len(lanes)
		if len(lanes) < batch {
			return total, nil
		}
		after = lanes[len(lanes)-1]
	}
}

// listLanes lists lanes with a deadline, since a database may accept a connection and not respond.
func (r *Reconciler) listLanes(ctx context.Context, after webhook.Lane) ([]webhook.Lane, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return r.store.ListLanes(ctx, after, batch)
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
