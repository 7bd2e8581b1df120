package deliver

import (
	"context"
	"fmt"

	"redrive/pkg/webhook"
)

// Orphaned is told that an attempt of the delivery ended without an outcome: its task was found without the worker that had
// taken it. After webhook.MaxOrphans of them in a row the delivery ends in failure, so that it cannot crash workers for ever.
func (d *Deliverer) Orphaned(ctx context.Context, id string) error {
	if d.inFlight.has(id) {
		return nil // this process has lost the task, and is at it all the same
	}
	current, err := d.store.CountOrphan(ctx, id)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return nil // purged
	case err != nil:
		return fmt.Errorf("count an orphaned attempt: %w", err)
	case !current.Status.Waiting():
		return nil
	}
	d.metrics.orphans.Inc()
	d.log.WarnContext(ctx, "an attempt ended without an outcome", "deliveryId", id, "endpointId", current.EndpointID, "orphanCount", current.OrphanCount)
	if current.OrphanCount < webhook.MaxOrphans {
		return nil
	}
	_, err = d.fail(ctx, current, webhook.FailureOrphaned)
	return err
}
