package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// planBudget is how long a plan takes at most. It leaves time for the answer within the 2 s of the contract.
const planBudget = 1500 * time.Millisecond

// PlanBulkJob returns what a job of a checked spec would do now. It changes nothing.
func (s *Store) PlanBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkPlan, error) {
	if err := s.checkBulkEndpoint(ctx, spec); err != nil {
		return webhook.BulkPlan{}, err
	}
	now, err := s.databaseTime(s.db.WithContext(ctx)) // a database that does not answer is not a slow count
	if err != nil {
		return webhook.BulkPlan{}, s.translate("plan a bulk job", err)
	}
	limited, cancel := context.WithTimeout(ctx, planBudget)
	defer cancel()
	c, err := s.countForPlan(limited, spec, now)
	if err != nil && (limited.Err() == nil || ctx.Err() != nil) {
		return webhook.BulkPlan{}, s.translate("plan a bulk job", err)
	}
	plan := webhook.BulkPlan{Total: c.rows, Exact: c.done, Sample: c.sample}
	plan.Oldest, _ = webhook.TimeOfID(c.first)
	plan.Newest, _ = webhook.TimeOfID(c.last)
	return plan, nil
}

// countForPlan counts until ctx ends. It then returns what it has counted, and an error.
func (s *Store) countForPlan(ctx context.Context, spec webhook.BulkSpec, now time.Time) (counted, error) {
	source, err := s.bulkSource(ctx, webhook.NewBulkJob(spec, now))
	if err != nil {
		return counted{}, err
	}
	return source.count(ctx, s, counting{most: mostOf(spec), budget: planBudget, sample: webhook.MaxBulkSample})
}

// mostOf returns how many deliveries a job handles at most.
func mostOf(spec webhook.BulkSpec) int64 {
	if spec.MaxDeliveries == 0 {
		return webhook.MaxBulkDeliveries
	}
	return spec.MaxDeliveries
}
