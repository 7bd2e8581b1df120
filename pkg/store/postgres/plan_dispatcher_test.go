package postgres_test

import (
	"context"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// dispatcherCalls are the frequent calls of the dispatcher.
func dispatcherCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	now := webhook.Now()
	return map[string]statementCall{
		"merge statistics": {
			func() error { _, err := opened.MergeStatistics(ctx, store.DeltaPosition{}, 10); return err },
			nil,
		},
		"purge statistics": {
			func() error { _, err := opened.PurgeStatistics(ctx, now.Add(36*24*time.Hour), 10); return err },
			nil,
		},
		"read lanes": {
			func() error {
				_, err := opened.ReadLanes(ctx, []store.LaneCursor{{Lane: w.waiting.Lane()}}, 10)
				return err
			},
			[][]string{{"deliveries_by_lane", "endpoints_held", "organizations_"}},
		},
		"load a dispatch": {
			func() error { _, err := opened.LoadDispatch(ctx, w.waiting.ID); return err },
			[][]string{{"deliveries_pkey", "events_pkey"}, {"endpoints_pkey", "organizations_pkey"}},
		},
		"load dispatches": {
			func() error {
				_, errs := opened.LoadDispatches(ctx, []string{w.waiting.ID, w.failed.ID})
				return errs[0]
			},
			[][]string{{"deliveries_pkey", "events_pkey"}, {"endpoints_pkey", "organizations_pkey"}},
		},
		"record outcomes": {
			func() error { _, errs := opened.RecordOutcomes(ctx, []webhook.Outcome{w.outcome}); return errs[0] },
			[][]string{{"deliveries_pkey"}},
		},
		"list what is due": {
			func() error {
				_, err := opened.ListDue(ctx, now.Add(time.Hour), store.Due{ID: w.waiting.ID, NextRetryAt: w.waiting.NextRetryAt}, 10)
				return err
			},
			[][]string{{"deliveries_due", "endpoints_held", "organizations_deleted"}},
		},
		"count those that wait": {
			func() error { _, err := opened.CountWaiting(ctx, now, 10); return err },
			[][]string{{"deliveries_due"}},
		},
		"find those that wait": {
			func() error { _, err := opened.FindWaiting(ctx, []string{w.waiting.ID, w.failed.ID}); return err },
			[][]string{{"deliveries_pkey"}},
		},
		"purge deliveries": {
			func() error { _, err := opened.PurgeDeliveries(ctx, now.Add(-time.Hour), "", 5); return err },
			[][]string{{"deliveries_pkey"}},
		},
		"purge events": {
			func() error { _, err := opened.PurgeEvents(ctx, now.Add(time.Hour), "", 5); return err },
			[][]string{{"events_pkey", "deliveries_by_event"}, {"events_pkey", "deliveries_by_event"}}, // look, delete
		},
	}
}
