package deliver

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/groupcommit"
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
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "redrive_batch_size", Help: "Deliveries that one statement loaded, or outcomes that one recorded.",
		Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200},
	}, []string{"statement"})
	registry.MustRegister(sizes)
	options := func(statement string) groupcommit.Options {
		return groupcommit.Options{Timeout: databaseTimeout, Observe: func(size int) { sizes.WithLabelValues(statement).Observe(float64(size)) }}
	}
	return &Batched{
		BatchStore: store,
		loads:      groupcommit.New(store.LoadDispatches, options("load")),
		outcomes:   groupcommit.New(store.RecordOutcomes, options("record")),
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
