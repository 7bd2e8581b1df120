package retention

import (
	"context"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// kindChange is the kind of a change of an endpoint in the metric.
const kindChange = "endpoint_change"

// Changes of endpoints are kept this long, and this many of each endpoint. The contract has the numbers.
const (
	changesKept        = 400 * 24 * time.Hour
	changesPerEndpoint = 1000
)

// purgeChanges deletes changes of endpoints that are too old or too many. It pauses after each batch for as long as the batch took.
func (p *Purger) purgeChanges(ctx context.Context) error {
	before := webhook.Now().Add(-changesKept)
	for {
		began := time.Now()
		purged, err := p.purgeChangeBatch(ctx, before)
		if err != nil || purged == 0 {
			return err
		}
		if err := lifecycle.Sleep(ctx, time.Since(began)); err != nil {
			return err
		}
	}
}

func (p *Purger) purgeChangeBatch(ctx context.Context, before time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	purged, err := p.store.PurgeEndpointChanges(ctx, before, changesPerEndpoint, batch)
	p.purged.WithLabelValues(kindChange).Add(float64(purged))
	return purged, err
}
