package deliver

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// databaseTimeout bounds each statement. A database that takes connections and then says nothing would otherwise hold a
// worker, and its task, for as long as it likes.
const databaseTimeout = 5 * time.Second

// bounded is a Store that gives up.
type bounded struct{ store Store }

func (b bounded) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.Ping(ctx)
}

func (b bounded) CountOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.CountOrphan(ctx, id)
}

func (b bounded) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.LoadDispatch(ctx, id)
}

func (b bounded) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.RecordOutcome(ctx, o)
}

func (b bounded) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.FailDelivery(ctx, failed)
}

func (b bounded) FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	return b.store.FindDelivery(ctx, organizationID, id)
}
