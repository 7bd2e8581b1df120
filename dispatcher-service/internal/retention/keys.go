package retention

import (
	"context"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// kindKey is the kind of an idempotency key in the metric.
const kindKey = "idempotency_key"

// purgeKeys deletes all idempotency keys that have expired.
func (p *Purger) purgeKeys(ctx context.Context) error {
	before := webhook.Now().Add(-webhook.IdempotencyLifetime)
	return p.records(ctx, kindKey, batch, func(ctx context.Context) (int64, error) {
		return p.store.PurgeIdempotencyKeys(ctx, before, batch)
	})
}

// records deletes batches of records of a kind until a batch is smaller than the limit. It pauses after each for as long as the batch took.
func (p *Purger) records(ctx context.Context, kind string, least int64, purge func(context.Context) (int64, error)) error {
	for {
		began := time.Now()
		purged, err := p.recordBatch(ctx, kind, purge)
		if err != nil || purged < least {
			return err
		}
		if err := lifecycle.Sleep(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

// recordBatch deletes one batch and counts the deleted records.
func (p *Purger) recordBatch(ctx context.Context, kind string, purge func(context.Context) (int64, error)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	purged, err := purge(ctx)
	p.purged.WithLabelValues(kind).Add(float64(purged))
	return purged, err
}
