package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"redrive/deploy/bench/report"
)

const (
	detailRare = "filter that matches few"
	pathPlan   = "/bulk-jobs/plan"
	// planRequests is the number of plans for each filter. The slowest one counts.
	planRequests = 5
)

// measurePlans plans a job for all deliveries, and for few of them.
func (g *searching) measurePlans(ctx context.Context, s *session) error {
	for _, one := range []struct {
		detail string
		filter func(*searched) map[string]string
	}{
		{"", func(t *searched) map[string]string {
			return map[string]string{"from": t.began.Add(-time.Hour).UTC().Format(time.RFC3339)}
		}},
		{detailRare, func(*searched) map[string]string {
			return map[string]string{"workflowId": rareFlow, "status": "success"}
		}},
	} {
		s.progress.say("%s: %v", rowGrowthPlan, one.filter(g.large))
		small, err := g.small.slowestPlan(ctx, one.filter(g.small))
		if err != nil {
			return err
		}
		large, err := g.large.slowestPlan(ctx, one.filter(g.large))
		if err != nil {
			return err
		}
		s.addGrowth(rowGrowthPlan, one.detail, report.Milliseconds(small), report.Milliseconds(large))
	}
	return nil
}

func (t *searched) slowestPlan(ctx context.Context, filter map[string]string) (slowest time.Duration, err error) {
	for range planRequests {
		var plan struct{ Total int }
		began := time.Now()
		if err := t.call(ctx, http.MethodPost, pathPlan, map[string]any{"action": "replay", "filter": filter}, &plan); err != nil {
			return 0, err
		}
		slowest = max(slowest, time.Since(began))
		if plan.Total == 0 {
			return 0, fmt.Errorf("the plan for %v has nothing", filter)
		}
	}
	return slowest, nil
}
