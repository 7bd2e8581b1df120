package postgres_test

import (
	"context"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// operatorCalls are the calls of the operator's page.
func operatorCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	now := webhook.Now()
	return map[string]statementCall{
		"loads of organizations": {
			func() error { _, _, err := opened.ListLoads(ctx, now, 20); return err },
			[][]string{
				{"deliveries_by_lane", "endpoints_", "organizations_"},
				{"deliveries_by_lane"},
				{"organizations_pkey"},
				{"statistics_hours_pkey"},
				{"endpoint_health_", "endpoints_pkey"},
			},
		},
		"failing endpoints of all organizations": {
			func() error { _, _, err := opened.ListFailingEndpoints(ctx, now.Add(-time.Hour), 20); return err },
			[][]string{
				{"endpoint_health_failing", "endpoints_pkey"},
				{"endpoints_disabled", "endpoint_health_pkey"},
				{"organizations_pkey"},
				{"deliveries_by_endpoint", "attempts_pkey"},
			},
		},
		"running jobs of all organizations": {
			func() error { _, _, err := opened.ListRunningJobs(ctx, 20); return err },
			[][]string{{"bulk_jobs_due"}},
		},
		"names of endpoints": {
			func() error { _, err := opened.FindEndpointNames(ctx, []string{w.endpoint.ID}); return err },
			[][]string{{"endpoints_pkey"}},
		},
	}
}
