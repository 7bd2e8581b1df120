package deliver

import (
	"context"
	"errors"
	"fmt"

	"redrive/pkg/webhook"
)

// Orphaned counts an attempt that ended without an outcome: its task was found without the worker that had dequeued it. The
// delivery ends in failure after webhook.MaxOrphans orphans in a row, so that it cannot crash workers for ever.
func (d *Deliverer) Orphaned(ctx context.Context, id string) error {
	if d.inFlight.has(id) {
		return nil // this process lost the lease on the task and is still sending
	}
	_, err := d.countOrphan(ctx, id)
	return err
}

// countOrphan returns the row as it is afterwards. The delivery may have ended.
func (d *Deliverer) countOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	current, err := d.storeOrphan(ctx, id)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return current, nil // purged
	case err != nil:
		return current, fmt.Errorf("count an orphaned attempt: %w", err)
	case !current.Status.Waiting():
		return current, nil
	}
	d.metrics.orphans.Inc()
	d.options.Log.WarnContext(ctx, "attempt ended without an outcome", "deliveryId", id, "endpointId", current.EndpointID, "orphanCount", current.OrphanCount)
	if current.OrphanCount < webhook.MaxOrphans {
		return current, nil
	}
	return d.fail(ctx, current, webhook.FailureOrphaned)
}

func (d *Deliverer) storeOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, d.options.DatabaseTimeout)
	defer cancel()
	return d.options.Store.CountOrphan(ctx, id)
}

var errPanicked = errors.New("the attempt ended in a panic")

// unrecorded returns the verdict for a delivery whose attempt was made here and is not on record, so that it will be made
// again. It counts an orphan, so that this ends, unless the database was unavailable or the delivery was purged.
func (d *Deliverer) unrecorded(ctx context.Context, id string, cause error) (Verdict, error) {
	again := fmt.Errorf("the attempt was made and is not on record, so it will be made again: %w", cause)
	if code := webhook.CodeOf(cause); code == webhook.CodeUnavailable || code == webhook.CodeNotFound {
		return Verdict{}, again
	}
	ctx = context.WithoutCancel(ctx) // asynq's deadline may have passed
	current, err := d.countOrphan(ctx, id)
	switch {
	case err != nil:
		d.options.Log.WarnContext(ctx, "orphaned attempt not counted", "deliveryId", id, "error", err)
	case current.Status == webhook.StatusFailure:
		return d.settled(ctx, current)
	}
	return Verdict{}, again
}
