package retention

import (
	"context"

	"redrive/pkg/webhook"
)

// kindJob is the kind of a finished bulk job in the metric.
const kindJob = "bulk_job"

// purgeJobs deletes bulk jobs that finished long ago.
func (p *Purger) purgeJobs(ctx context.Context) error {
	before := webhook.Now().Add(-webhook.BulkJobsKept)
	return p.records(ctx, kindJob, batch, func(ctx context.Context) (int64, error) {
		return p.store.PurgeBulkJobs(ctx, before, batch)
	})
}
