package retention

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// kindChange is the kind of a change of an endpoint in the metric.
const kindChange = "endpoint_change"

// Changes of endpoints are kept this long, and this many of each endpoint. The contract has the numbers.
const (
	changesKept        = 400 * 24 * time.Hour
	changesPerEndpoint = 1000
)

// purgeChanges deletes changes of endpoints that are too old or too many. A batch that is not full may be that of one endpoint of several.
func (p *Purger) purgeChanges(ctx context.Context) error {
	before := webhook.Now().Add(-changesKept)
	return p.records(ctx, kindChange, 1, func(ctx context.Context) (int64, error) {
		return p.store.PurgeEndpointChanges(ctx, before, changesPerEndpoint, batch)
	})
}
