package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// planBudget is how long a plan counts. It leaves time for the other statements within the 2 s of the contract.
const planBudget = time.Second

// PlanBulkJob returns what a job of a checked spec would do now. It changes nothing.
func (s *Store) PlanBulkJob(ctx context.Context, spec webhook.BulkSpec) (webhook.BulkPlan, error) {
	if err := s.checkBulkEndpoint(ctx, spec); err != nil {
		return webhook.BulkPlan{}, err
	}
	plan, err := s.planBulkJob(ctx, spec)
	return plan, s.translate("plan a bulk job", err)
}

func (s *Store) planBulkJob(ctx context.Context, spec webhook.BulkSpec) (plan webhook.BulkPlan, err error) {
	now, err := s.databaseTime(s.db.WithContext(ctx))
	if err != nil {
		return plan, err
	}
	source, err := s.bulkSource(ctx, webhook.NewBulkJob(spec, now))
	if err != nil {
		return plan, err
	}
	most := mostOf(spec)
	plan.Sample, _, err = source.page(ctx, s, "", int(min(most, webhook.MaxBulkSample)))
	if err != nil {
		return plan, err
	}
	c, err := source.count(ctx, s, "", most, planBudget)
	if err != nil {
		return plan, err
	}
	plan.Total, plan.Exact = c.rows, c.done
	plan.Oldest, _ = webhook.TimeOfID(c.first)
	plan.Newest, _ = webhook.TimeOfID(c.last)
	return plan, nil
}

// mostOf returns how many deliveries a job handles at most.
func mostOf(spec webhook.BulkSpec) int64 {
	if spec.MaxDeliveries == 0 {
		return webhook.MaxBulkDeliveries
	}
	return spec.MaxDeliveries
}
