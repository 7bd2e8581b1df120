package deliver

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/groupcommit"
	"redrive/pkg/observe"
	"redrive/pkg/webhook"
)

// BatchStore is the database, many deliveries at a time: store.Store.
type BatchStore interface {
	Ping(ctx context.Context) error
	LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error)
	RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error)
	FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error)
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	CountOrphan(ctx context.Context, id string) (webhook.Delivery, error)
}

// Batched is a Store whose loads and outcomes share statements with those of other workers: what comes while one statement is on
// its way is in the next one.
type Batched struct {
	BatchStore
	loads    *groupcommit.Group[string, webhook.Dispatch]
	outcomes *groupcommit.Group[webhook.Outcome, webhook.Delivery]
}

// Batch makes a Batched store and registers its metrics.
func Batch(store BatchStore, registry prometheus.Registerer) *Batched {
	sizes := observe.BatchSizes(registry, "load", "record")
	return &Batched{
		BatchStore: store,
		loads:      groupcommit.New(store.LoadDispatches, groupcommit.Options{Timeout: databaseTimeout, Observe: sizes[0]}),
		outcomes:   groupcommit.New(store.RecordOutcomes, groupcommit.Options{Timeout: databaseTimeout, Observe: sizes[1]}),
	}
}

// LoadDispatch returns all that an attempt of the delivery needs. A statement has its own deadline, and nobody waits for more
// than two of them.
func (b *Batched) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	return b.loads.Do(context.WithoutCancel(ctx), id)
}

// RecordOutcome returns once the outcome is committed.
func (b *Batched) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	return b.outcomes.Do(context.WithoutCancel(ctx), o)
}
