package model_test

import (
	"context"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/store"
)

// The reconciler's search detects dead workers by the time for which a lease is unchanged. The model has no such time, so its search finds
// nothing. The model records which processes were killed, and LookUp finds their tasks.

func (q *tasks) Leases(context.Context, string) ([]queue.Lease, time.Time, error) {
	return nil, time.Now(), nil
}

func (q *tasks) Reclaim(context.Context, []queue.Lease) ([]queue.TaskState, error) { return nil, nil }

func (q *tasks) EnqueueFirst(ctx context.Context, item queue.Item) (queue.Placement, error) {
	return q.Enqueue(ctx, item)
}

func (q *tasks) AbandonRebuild(context.Context, string) error { return nil }

func (r rows) FindWaiting(ctx context.Context, ids []string) ([]store.Due, error) {
	return r.database.FindWaiting(ctx, ids)
}
