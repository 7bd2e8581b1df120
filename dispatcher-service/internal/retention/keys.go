package retention

import (
	"context"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// kindKey is the kind of an idempotency key in the metric.
const kindKey = "idempotency_key"

// purgeKeys deletes all idempotency keys that have expired. It pauses after each batch for as long as the batch took.
func (p *Purger) purgeKeys(ctx context.Context) error {
	before := webhook.Now().Add(-webhook.IdempotencyLifetime)
	for {
		began := time.Now()
		purged, err := p.purgeKeyBatch(ctx, before)
		if err != nil || purged < batch {
			return err
		}
		if err := lifecycle.Sleep(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

func (p *Purger) purgeKeyBatch(ctx context.Context, before time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	purged, err := p.store.PurgeIdempotencyKeys(ctx, before, batch)
	p.purged.WithLabelValues(kindKey).Add(float64(purged))
	return purged, err
}
