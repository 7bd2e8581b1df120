package retention

import (
	"context"

	"redrive/pkg/webhook"
)

// kindStatistics is the kind of rows of statistics in the metric.
const kindStatistics = "statistics"

// purgeStatistics adds hours that are no longer kept to their days, and deletes days that are no longer kept.
func (p *Purger) purgeStatistics(ctx context.Context) error {
	now := webhook.Now()
	return p.records(ctx, kindStatistics, 1, func(ctx context.Context) (int64, error) {
		return p.store.PurgeStatistics(ctx, now, batch)
	})
}
