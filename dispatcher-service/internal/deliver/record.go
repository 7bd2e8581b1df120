package deliver

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// An attempt that is not on record is made again, so a database that is away for a moment is waited for. So is one that
// refuses for any other reason: to give up at once would send the webhook every few seconds until somebody looks.
const (
	recordPatience = 30 * time.Second
	firstPause     = 100 * time.Millisecond
	longestPause   = 2 * time.Second
)

// record writes the outcome, again and again until the database takes it: writing it twice is harmless.
func (d *Deliverer) record(ctx context.Context, outcome webhook.Outcome) (webhook.Delivery, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		current, err := d.store.RecordOutcome(ctx, outcome)
		if err == nil || webhook.CodeOf(err) == webhook.CodeNotFound || ctx.Err() != nil {
			return current, err
		}
		d.log.WarnContext(ctx, "an attempt could not be recorded yet", "deliveryId", outcome.Delivery.ID, "error", err)
		if sleep(ctx, pause) != nil {
			return current, err
		}
	}
}
