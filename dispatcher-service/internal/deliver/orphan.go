package deliver

import (
	"context"
	"errors"
	"fmt"

	"redrive/pkg/webhook"
)

// Orphaned is told that an attempt of the delivery ended without an outcome: its task was found without the worker that had
// taken it. After webhook.MaxOrphans of them in a row the delivery ends in failure, so that it cannot crash workers for ever.
func (d *Deliverer) Orphaned(ctx context.Context, id string) error {
	if d.inFlight.has(id) {
		return nil // this process has lost the task, and is at it all the same
	}
	_, err := d.countOrphan(ctx, id)
	return err
}

// countOrphan returns the delivery as it is then, which may be ended.
func (d *Deliverer) countOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	current, err := d.store.CountOrphan(ctx, id)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return current, nil // purged
	case err != nil:
		return current, fmt.Errorf("count an orphaned attempt: %w", err)
	case !current.Status.Waiting():
		return current, nil
	}
	d.metrics.orphans.Inc()
	d.log.WarnContext(ctx, "an attempt ended without an outcome", "deliveryId", id, "endpointId", current.EndpointID, "orphanCount", current.OrphanCount)
	if current.OrphanCount < webhook.MaxOrphans {
		return current, nil
	}
	return d.fail(ctx, current, webhook.FailureOrphaned)
}

var errPanicked = errors.New("the attempt ended in a panic")

// unrecorded is the verdict on a delivery whose attempt was made here and has no outcome on record, so that it will be made
// again. If the database was there, that would go on for ever: it counts as an orphan, and the one too many ends the delivery.
func (d *Deliverer) unrecorded(ctx context.Context, id string, cause error) (Verdict, error) {
	again := fmt.Errorf("the attempt was made and is not on record, so it will be made again: %w", cause)
	if code := webhook.CodeOf(cause); code == webhook.CodeUnavailable || code == webhook.CodeNotFound {
		return Verdict{}, again // nothing can be written, or there is nothing left to be written to
	}
	ctx = context.WithoutCancel(ctx) // the queue may have lost its patience
	current, err := d.countOrphan(ctx, id)
	switch {
	case err != nil:
		d.log.WarnContext(ctx, "an orphaned attempt could not be counted", "deliveryId", id, "error", err)
	case current.Status == webhook.StatusFailure:
		return d.settled(ctx, current)
	}
	return Verdict{}, again
}
